//! The plan of one plain URL, which no listing tells anything of.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

use super::{Client, JobContext, Plan, PlannedFile};
use crate::error::{Error, ErrorKind};
use crate::hub::listing::RemoteFile;
use crate::names::{Digest, Revision};
use crate::repo_path::RepoPath;
use crate::store::destination::Destination;
use crate::transfer::provider::Provider;

impl Client {
    /// Plans the download of one plain URL, which need not be a Hub's, to the file `output`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when `output` cannot be a file's name.
    pub fn plan_url(
        &self,
        url: &Url,
        sha256: Option<Digest>,
        output: PathBuf,
    ) -> Result<Plan, Error> {
        let destination = Destination::File {
            path: output.clone(),
        };
        let name = output
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let path = RepoPath::new(name).map_err(|fault| {
            Error::new(
                ErrorKind::Usage,
                format!("cannot save as {name:?}: {fault}"),
            )
        })?;
        let provider = Provider::Url {
            hub: Arc::clone(&self.hub),
            url: url.clone(),
        };
        let remote = RemoteFile {
            path,
            size: None,
            digest: sha256,
            xet: None,
        };
        let job = JobContext {
            provider: Arc::new(provider),
            destination,
            revision: Revision::default(),
            repo: None,
            force: false,
            damaged: HashMap::new(),
            rest: None,
            offline: self.options.offline,
            own_names: HashSet::new(),
            cache: None,
            path: output,
        };
        let files = vec![PlannedFile {
            remote,
            present: false,
        }];
        Ok(Plan {
            commit: None,
            files,
            refused: Vec::new(),
            files_in_repo: 1,
            caveat: None,
            job,
        })
    }
}
