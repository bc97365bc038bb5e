//! The two token files of the official clients: the token that is in use, and all tokens by name.
//!
//! Every change holds the lock of the official clients, and leaves either the old or the new content. What lies in
//! the environment is not looked at.

use std::path::{Path, PathBuf};

use super::stored::StoredTokens;
use crate::environment::stored_token;
use crate::error::{Error, ErrorKind};
use crate::hub::token::Token;
use crate::store::lock::Lock;
use crate::store::secret;

/// Where the tokens of a user are. Reads and writes, which are of a few hundred bytes, block; who else changes the
/// files is waited for.
#[derive(Clone, Debug)]
pub struct TokenFiles {
    active: PathBuf,
    stored: PathBuf,
}

impl TokenFiles {
    /// The file of the token in use; the one with all of them lies beside it.
    pub fn new(active: impl Into<PathBuf>) -> Self {
        let active = active.into();
        let stored = active.with_file_name("stored_tokens");
        Self { active, stored }
    }

    /// Where the token in use is.
    pub fn active_path(&self) -> &Path {
        &self.active
    }

    /// Where all of them are.
    pub fn stored_path(&self) -> &Path {
        &self.stored
    }

    /// The token in use. `None`: there is none, or what is there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Disk`] when it cannot be read.
    pub fn active(&self) -> Result<Option<Token>, Error> {
        Ok(secret::read(&self.active)?.and_then(|text| stored_token(&text)))
    }

    /// All of them by name.
    ///
    /// # Errors
    /// [`ErrorKind::Disk`] when they cannot be read, and [`ErrorKind::Usage`] when they make no sense.
    pub fn stored(&self) -> Result<StoredTokens, Error> {
        let text = secret::read(&self.stored)?.unwrap_or_default();
        StoredTokens::parse(&text).map_err(|error| {
            let text = format!("{}: {error}", self.stored.display());
            Error::new(error.kind(), text)
                .with_hint("mend the line, or move the file away and log in again")
        })
    }

    /// Keeps `token` under `name` and uses it from now on.
    ///
    /// # Errors
    /// As [`Self::stored`]; [`ErrorKind::Disk`] when they cannot be written, and [`ErrorKind::Usage`] for a name
    /// that cannot be one. Then nothing is changed.
    pub async fn save(&self, name: &str, token: &Token) -> Result<(), Error> {
        let _lock = self.lock().await?;
        let mut stored = self.stored()?;
        stored.insert(name, token)?;
        secret::write(&self.stored, &stored.to_text())?;
        secret::write(&self.active, token.secret())
    }

    /// Uses the token of this name from now on, and returns it.
    ///
    /// # Errors
    /// As [`Self::save`], and [`ErrorKind::Usage`] when there is none of that name.
    pub async fn switch(&self, name: &str) -> Result<Token, Error> {
        let _lock = self.lock().await?;
        let stored = self.stored()?;
        let token = stored
            .get(name)
            .ok_or_else(|| self.unknown(name, &stored))?;
        secret::write(&self.active, token.secret())?;
        Ok(token)
    }

    /// Forgets the token of this name, and says whether it was in use.
    ///
    /// # Errors
    /// As [`Self::switch`].
    pub async fn forget(&self, name: &str) -> Result<bool, Error> {
        let _lock = self.lock().await?;
        let mut stored = self.stored()?;
        if !stored.contains(name) {
            return Err(self.unknown(name, &stored));
        }
        let token = stored.remove(name);
        let was_in_use = token.is_some() && token == self.active()?;
        // First what is in use: whoever is stopped in between is logged out, and can do it again.
        if was_in_use {
            secret::remove(&self.active)?;
        }
        secret::write(&self.stored, &stored.to_text())?;
        Ok(was_in_use)
    }

    /// Forgets all of them, and says whether there was any.
    ///
    /// # Errors
    /// [`ErrorKind::Disk`] when they cannot be deleted.
    pub async fn forget_all(&self) -> Result<bool, Error> {
        let _lock = self.lock().await?;
        let active = secret::remove(&self.active)?;
        let stored = secret::remove(&self.stored)?;
        Ok(active || stored)
    }

    async fn lock(&self) -> Result<Lock, Error> {
        secret::lock(&self.stored).await
    }

    fn unknown(&self, name: &str, stored: &StoredTokens) -> Error {
        let text = format!(
            "no token of the name {name:?} is in {}",
            self.stored.display()
        );
        let names: Vec<_> = stored.names().collect();
        let hint = match names.as_slice() {
            [] => "there is none; `hfast auth login` keeps one".to_owned(),
            names => format!("there are: {}", names.join(", ")),
        };
        Error::new(ErrorKind::Usage, text).with_hint(hint)
    }
}
