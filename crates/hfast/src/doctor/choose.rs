//! Which file a piece is asked of, and which host the xet protocol would ask. Pure.

use url::Url;

use crate::hub::listing::{RemoteFile, link};
use crate::names::Digest;

/// A file of this size shows how fast the bytes come. In bytes.
const ENOUGH: u64 = 1 << 20;

/// The file to try: the smallest that is large enough among those in large storage, whose bytes take the
/// longest way; else the largest there is. With its size in bytes.
pub(super) fn chosen(files: &[RemoteFile]) -> Option<(RemoteFile, u64)> {
    let sized = files.iter().filter_map(|file| {
        let size = file.size.filter(|size| *size > 0)?;
        Some((file, size))
    });
    let (file, size) = sized.min_by_key(|(file, size)| {
        let stored = matches!(file.digest, Some(Digest::Sha256(_)));
        let rest = if *size >= ENOUGH {
            (false, *size)
        } else {
            (true, u64::MAX - size)
        };
        (!stored, rest)
    })?;
    Some((file.clone(), size))
}

/// The address in a `Link` header with `rel="xet-reconstruction-info"`.
pub(super) fn xet_host(links: &str) -> Option<Url> {
    let target = link(links, "xet-reconstruction-info")?;
    let url = Url::parse(&target).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo_path::RepoPath;

    fn file(name: &str, size: u64, stored: bool) -> RemoteFile {
        RemoteFile {
            path: RepoPath::new(name).unwrap(),
            size: Some(size),
            digest: Digest::from_hex(&"a".repeat(if stored { 64 } else { 40 })),
            xet: None,
        }
    }

    #[test]
    fn the_smallest_large_file_is_tried() {
        let name = |files: &[RemoteFile]| chosen(files).map(|(file, _)| file.path.to_string());
        let all = [
            file("README.md", 5 << 20, false),
            file("tiny.bin", 9, true),
            file("huge.bin", 5 << 30, true),
            file("small.bin", 2 << 20, true),
            file("none.bin", 0, true),
        ];
        assert_eq!(name(&all).unwrap(), "small.bin");
        assert_eq!(name(&all[..2]).unwrap(), "tiny.bin");
        assert_eq!(name(&all[..1]).unwrap(), "README.md");
        assert_eq!(name(&all[4..]), None);
    }

    #[test]
    fn the_xet_host_is_read() {
        let links = r#"<https://hub/api/models/a/b/xet-read-token/c>; rel="xet-auth", <https://cas.test/v1/reconstructions/d>; rel="xet-reconstruction-info""#;
        assert_eq!(xet_host(links).unwrap().host_str(), Some("cas.test"));
        for other in ["", "<file:///x>; rel=\"xet-reconstruction-info\"", "<x"] {
            assert_eq!(xet_host(other), None);
        }
    }
}
