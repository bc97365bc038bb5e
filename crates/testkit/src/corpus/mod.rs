//! Repositories and their bytes, made from a seed: what the fake Hub serves, and what every
//! judge compares against. Nothing here knows about HTTP.

mod bert;
mod content;
mod repo;

pub use bert::{BertSize, tiny_bert};
pub(crate) use content::index;
pub use content::{Content, Part};
pub use repo::{Repo, RepoBuilder, RepoFile, RepoKind};

use ring::digest::Digest;
use std::fmt::Write as _;

/// Lower-case hex of a digest.
pub(crate) fn hex(digest: &Digest) -> String {
    digest
        .as_ref()
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// A repository of `count` small files in nested folders: for listings of any length.
pub fn many_files(id: &str, seed: u64, count: u32, size: u64) -> Repo {
    let mut repo = Repo::model(id);
    for number in 0..count {
        let path = format!("part-{:03}/file-{number:06}.bin", number / 1000);
        let content = Content::seeded(seed.wrapping_add(u64::from(number)), size);
        repo = repo.content(&path, content);
    }
    repo.build()
}
