//! Downloads a whole model repository into a folder: `whole_repo ENDPOINT ORG/NAME FOLDER`.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::sync::Arc;

use hfast::client::{Client, ClientOptions, DownloadRequest, Target};
use hfast::hub::urls::Endpoint;
use hfast::transfer::progress::Progress;
use hfast::{Error, ErrorKind, Repo, RepoId, RepoType};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let [_, endpoint, repo, folder] =
        std::env::args()
            .collect::<Vec<_>>()
            .try_into()
            .map_err(|_| {
                Error::new(
                    ErrorKind::Usage,
                    "usage: whole_repo ENDPOINT ORG/NAME FOLDER",
                )
            })?;
    let endpoints = vec![endpoint.parse::<Endpoint>()?];
    let client = Client::new(ClientOptions {
        endpoints,
        ..ClientOptions::default()
    })?;
    let repo = Repo::new(RepoType::Model, RepoId::new(&repo)?);
    let request = DownloadRequest::new(repo, Target::LocalDir(folder.into()));
    let progress = Arc::new(Progress::default());
    let report = client
        .download(client.plan(&request, &progress).await?, &progress)
        .await?;
    println!(
        "{} files, {} bytes in {}",
        report.files,
        report.bytes,
        report.path.display()
    );
    for (name, error) in &report.failed {
        println!("{name}: {error}");
    }
    Ok(())
}
