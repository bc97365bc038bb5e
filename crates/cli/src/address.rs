//! Which file or folder of a repository is meant, by an address or by a name beside it. Pure.

use hfast::hub::target::RepoTarget;
use hfast::{Error, ErrorKind, RepoPath, Revision};

/// The file or folder that an address names; a folder ends in `/`, as it does on the command line.
pub(crate) fn path_in(address: &str, target: &RepoTarget) -> Option<String> {
    let path = target.path.as_deref()?;
    let revision = target.revision.as_ref().map_or("", Revision::as_str);
    let spellings = [revision.to_owned(), revision.replace('/', "%2F")];
    let is_tree = |revision: &String| address.contains(&format!("/tree/{revision}"));
    let is_folder = address.ends_with('/') || spellings.iter().any(is_tree);
    Some(format!("{path}{}", if is_folder { "/" } else { "" }))
}

/// Whether a name that was typed may also be meant as a pattern.
pub(crate) fn may_be_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// A name that no listing could hold is a mistake on the command line.
pub(crate) fn checked(name: String) -> Result<String, Error> {
    match RepoPath::new(name.strip_suffix('/').unwrap_or(&name)) {
        Ok(_) => Ok(name),
        Err(fault) => {
            let message = format!("{name:?} cannot be the name of a file: {fault}");
            Err(Error::new(ErrorKind::Usage, message)
                .with_hint("write names as the repository has them, for example onnx/model.onnx"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_told_from_a_file() {
        for (address, path) in [
            ("hf://org/name/a/b.txt", Some("a/b.txt")),
            ("hf://org/name/a/", Some("a/")),
            (
                "https://huggingface.co/org/name/blob/main/a/b.txt",
                Some("a/b.txt"),
            ),
            ("https://huggingface.co/org/name/tree/main/a", Some("a/")),
            (
                "https://huggingface.co/org/name/tree/refs%2Fpr%2F1/a",
                Some("a/"),
            ),
            ("https://huggingface.co/org/name/tree/main", None),
            ("org/name", None),
        ] {
            let target = RepoTarget::parse(address, None).unwrap();
            assert_eq!(path_in(address, &target).as_deref(), path, "{address}");
        }
    }
}
