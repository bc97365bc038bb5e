//! The commands, and what they share: a session with settings, output and signals.

pub(crate) mod auth;
pub(crate) mod cache;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod download;
pub(crate) mod get;
pub(crate) mod shim;
pub(crate) mod sources;

use std::pin::pin;
use std::time::Duration;

use hfast::auth::files::TokenFiles;
use hfast::client::{Client, ClientOptions};
use hfast::hub::urls::Endpoint;
use hfast::transfer::progress::Progress;
use hfast::{Error, ErrorKind};
use tokio::time::MissedTickBehavior;

use crate::interrupt::{Signal, Signals};
use crate::output::{Document, Output};
use crate::settings::Settings;

/// Smooth to look at, and nothing to the processor.
const DRAW_EVERY: Duration = Duration::from_millis(125);

/// What a command works with.
pub(crate) struct Session {
    pub(crate) settings: Settings,
    pub(crate) output: Output,
    pub(crate) signals: Signals,
    /// The command line that goes on where this one stops.
    pub(crate) resume: String,
    /// When it is stopped, something of its work is left.
    pub(crate) keeps_files: bool,
}

/// Why a command came to no end of its own.
#[derive(Debug)]
pub(crate) enum Stop {
    Failed(Error),
    Signalled(Signal),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Session {
    /// A client for the endpoints that the user chose, else for the one that an address `named`.
    pub(crate) fn client(&self, named: Option<&Endpoint>) -> Result<Client, Error> {
        Client::new(self.options(named))
    }

    /// What that client asks, and how.
    pub(crate) fn options(&self, named: Option<&Endpoint>) -> ClientOptions {
        if let Some(chosen) = self.settings.endpoints_for(named) {
            return self.settings.client_options(chosen.to_vec());
        }
        let endpoint = named.cloned().unwrap_or_else(Endpoint::hub);
        let for_the_hub_only = endpoint != Endpoint::hub() && !self.settings.token_from_flag;
        let mut options = self.settings.client_options(vec![endpoint.clone()]);
        if for_the_hub_only && options.token.take().is_some() {
            // An address that was pasted from anywhere is not yet trusted with a secret.
            self.output.say(&format!(
                "no token is sent to {endpoint}: name it with --endpoint if it may see yours"
            ));
        }
        options
    }

    /// Shows progress until `work` is done or a signal comes; the signal drops the work.
    pub(crate) async fn watch<T>(
        &mut self,
        progress: &Progress,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Stop> {
        let mut work = pin!(work);
        let mut ticks = tokio::time::interval(DRAW_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                signal = self.signals.next() => {
                    self.output.end_display(progress);
                    self.tell_stop(signal);
                    return Err(Stop::Signalled(signal));
                }
                result = &mut work => {
                    self.output.end_display(progress);
                    return result.map_err(Stop::Failed);
                }
                _ = ticks.tick() => self.output.draw(progress),
            }
        }
    }

    /// Waits for something that shows no progress, or for a signal.
    pub(crate) async fn attend<T>(
        &mut self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Stop> {
        self.watch(&Progress::default(), work).await
    }

    /// The same for something that blocks.
    pub(crate) async fn blocking<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Stop> {
        let done = async {
            let done = tokio::task::spawn_blocking(work).await;
            done.unwrap_or_else(|panic| {
                let text = "a part of the program has failed";
                Err(Error::new(ErrorKind::Cancelled, text).with_source(panic))
            })
        };
        self.attend(done).await
    }

    /// The files of the official clients that hold tokens.
    pub(crate) fn token_files(&self) -> TokenFiles {
        TokenFiles::new(&self.settings.token_path)
    }

    /// The endpoint that is asked first.
    pub(crate) fn first_endpoint(&self) -> Endpoint {
        let chosen = self.settings.endpoints.first();
        chosen.cloned().unwrap_or_else(Endpoint::hub)
    }

    fn tell_stop(&self, signal: Signal) {
        self.output.stopped(signal, &self.resume, self.keeps_files);
        let document = Document::stopped(signal, &self.resume);
        let told = self.output.documents(&[document]);
        // The program is ending, and for another reason.
        drop(told);
        self.signals.answered();
    }
}
