//! The two digests that the Hub promises, computed piece by piece.

use std::io::Read;
use std::path::Path;

use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use crate::error::Error;
use crate::names::Digest;
use crate::store::platform;

/// Bytes read at a time: large enough to hide the system call, small enough to stay in the cache.
pub(crate) const BLOCK: usize = 256 << 10;

/// A running digest. Cloning keeps the state, so that a file can be finished in two ways.
#[derive(Clone)]
pub(crate) struct Hasher {
    context: Context,
    git: bool,
}

/// SHA-1 of what is not in git.
pub(crate) fn sha1(bytes: &[u8]) -> [u8; 20] {
    let mut digest = [0; 20];
    digest.copy_from_slice(ring::digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref());
    digest
}

impl Hasher {
    /// The kind of digest that `expected` is, for content of `size` bytes.
    pub(crate) fn like(expected: &Digest, size: u64) -> Self {
        match expected {
            Digest::Sha256(_) => Self {
                context: Context::new(&SHA256),
                git: false,
            },
            Digest::GitSha1(_) => {
                let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
                context.update(format!("blob {size}\0").as_bytes());
                Self { context, git: true }
            }
        }
    }

    /// SHA-256, for content of which nothing is promised.
    pub(crate) fn sha256() -> Self {
        Self {
            context: Context::new(&SHA256),
            git: false,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        let value = self.context.finish();
        if self.git {
            let mut bytes = [0; 20];
            bytes.copy_from_slice(value.as_ref());
            Digest::GitSha1(bytes)
        } else {
            let mut bytes = [0; 32];
            bytes.copy_from_slice(value.as_ref());
            Digest::Sha256(bytes)
        }
    }
}

/// The SHA-256 of bytes that are all there.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut value = [0; 32];
    value.copy_from_slice(ring::digest::digest(&SHA256, bytes).as_ref());
    value
}

/// Whether the file at `path` has the digest `expected`.
pub(crate) fn file_matches(path: &Path, expected: &Digest) -> Result<bool, Error> {
    let size = path
        .metadata()
        .map_err(|e| Error::disk("read", path, e))?
        .len();
    Ok(hash_file(path, Hasher::like(expected, size))? == *expected)
}

/// Reads the file at `path` to its end through `hasher`.
pub(crate) fn hash_file(path: &Path, mut hasher: Hasher) -> Result<Digest, Error> {
    let failed = |e| Error::disk("read", path, e);
    let mut file = platform::open_file(path).map_err(failed)?;
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block).map_err(failed)? {
            0 => return Ok(hasher.finish()),
            n => hasher.update(&block[..n]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_and_plain_digests_are_the_known_ones() {
        let empty_blob = Digest::from_hex("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391").unwrap();
        assert_eq!(Hasher::like(&empty_blob, 0).finish(), empty_blob);
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let mut hasher = Hasher::sha256();
        hasher.update(b"abc");
        assert_eq!(hasher.finish().to_string(), abc);
    }
}
