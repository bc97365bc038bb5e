//! `hfast get`: single files, from the Hub or anywhere on the web, into the current folder.

use std::sync::Arc;

use hfast::client::{Client, Report};
use hfast::transfer::progress::Progress;
use hfast::{Error, ErrorKind};

use super::{Session, Stop};
use crate::errand::{Errand, What};
use crate::exit;
use crate::flags::GetFlags;
use crate::output::Document;

/// Fetches one after the other: all connections are of more use to one file than to many.
pub(crate) async fn run(flags: &GetFlags, session: &mut Session) -> Result<u8, Stop> {
    let errands = Errand::read_all(flags, &session.settings)?;
    let mut documents = Vec::with_capacity(errands.len());
    let mut code = exit::SUCCESS;
    for errand in errands {
        let outcome = match one(errand, session).await {
            Ok(report) => {
                documents.push(Document::report(&report));
                exit::code_of_report(&report)
            }
            Err(Stop::Failed(error)) => {
                session.output.error(&error);
                documents.push(Document::error(&error));
                exit::code_of(&error)
            }
            Err(stop @ Stop::Signalled(_)) => return Err(stop),
        };
        if code == exit::SUCCESS {
            code = outcome;
        }
    }
    session.output.documents(&documents)?;
    Ok(code)
}

async fn one(errand: Errand, session: &mut Session) -> Result<Report, Stop> {
    let progress = Arc::new(Progress::default());
    let client = session.client(errand.endpoint.as_ref())?;
    let work = Box::pin(carry_out(&client, errand, &progress));
    let report = session.watch(&progress, work).await?;
    session.output.left_aside(&progress);
    session
        .output
        .report(&report, progress.snapshot().elapsed)?;
    Ok(report)
}

async fn carry_out(
    client: &Client,
    errand: Errand,
    progress: &Arc<Progress>,
) -> Result<Report, Error> {
    let plan = match errand.what {
        What::Hub(request) => {
            let mut plan = client.plan(&request, progress).await?;
            if let (Some(wanted), [file]) = (errand.sha256, plan.files.as_mut_slice()) {
                let promised = file.remote.digest.replace(wanted);
                // What lies there was compared with another digest.
                file.present &= promised == Some(wanted);
                if let Some(promised @ hfast::Digest::Sha256(_)) = promised
                    && promised != wanted
                {
                    return Err(another_file(&promised));
                }
            }
            plan
        }
        What::Plain { url, output } => client.plan_url(&url, errand.sha256, output)?,
    };
    client.download(plan, progress).await
}

fn another_file(promised: &hfast::Digest) -> Error {
    let message = format!("the Hub has another file there, with SHA-256 {promised}");
    Error::new(ErrorKind::Integrity, message)
        .with_hint("check --sha256, or name the revision that it belongs to")
}
