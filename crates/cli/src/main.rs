//! The `hfast` command: reads what was asked for, starts it, and turns the outcome into an exit
//! code.

mod address;
mod ask;
mod clock;
mod commands;
mod config_file;
mod dialect;
mod env;
mod errand;
mod exit;
mod flags;
mod git;
mod interrupt;
mod misuse;
mod open_files;
mod output;
mod settings;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::FromArgMatches;
use hfast::{Error, ErrorKind};
use tokio::runtime::{Builder, Runtime};

use commands::{Session, Stop, auth, cache, completions, doctor, download, get, shim, sources};
use config_file::ConfigFile;
use dialect::Dialect;
use env::Env;
use flags::{Command, Flags, definition};
use interrupt::Signals;
use output::{Document, Output, resume};
use settings::{SettingFlags, Settings};

/// What still writes when the work is over gets this long to finish.
const LAST_WRITES: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let code = match Dialect::called(&words) {
        Some(dialect) => dialect.run(&words),
        None => own(&words),
    };
    ExitCode::from(code)
}

fn own(words: &[OsString]) -> u8 {
    match parsed(words) {
        Ok(flags) => run(flags, words),
        Err(refusal) if refusal.use_stderr() => told(Err(misuse::error(&refusal, words))),
        Err(help) => told(output::stdout::written(help.print())),
    }
}

fn parsed(words: &[OsString]) -> Result<Flags, clap::Error> {
    let matches = definition().try_get_matches_from(words)?;
    Flags::from_arg_matches(&matches)
}

fn run(flags: Flags, words: &[OsString]) -> u8 {
    match flags.command {
        None => told(output::stdout::written(definition().print_help())),
        Some(Command::Completions { shell }) => told(completions::print(shell)),
        Some(Command::Download(flags)) => start(download::asked(&flags), words, async |session| {
            download::run(&flags, session).await
        }),
        Some(Command::Sources(flags)) => {
            let (network, output) = (&flags.network, &flags.output);
            let asked = SettingFlags {
                source: &flags.further.source,
                ..SettingFlags::new(network, output, flags.choice.repo_type.as_deref())
            };
            start(asked, words, async |session| {
                sources::run(&flags, session).await
            })
        }
        Some(Command::Doctor(flags)) => {
            let (network, output) = (&flags.network, &flags.output);
            let asked = SettingFlags::new(network, output, flags.repo_type.as_deref());
            start(asked, words, async |session| {
                doctor::run(&flags, session).await
            })
        }
        Some(Command::Auth(flags)) => {
            let command = &flags.command;
            start(auth::asked(command), words, async |session| {
                auth::run(command, session).await
            })
        }
        Some(Command::Cache(flags)) => {
            let command = &flags.command;
            start(cache::asked(command), words, async |session| {
                cache::run(command, session).await
            })
        }
        Some(Command::Shim(flags)) => {
            let command = &flags.command;
            start(shim::asked(command), words, async |session| {
                shim::run(command, session)
            })
        }
        Some(Command::Get(flags)) => {
            let (network, output) = (&flags.network, &flags.output);
            let asked = SettingFlags::new(network, output, flags.repo_type.as_deref());
            start(asked, words, async |session| {
                get::run(&flags, session).await
            })
        }
    }
}

/// Runs `work` in a session and tells how it ended.
fn start(
    asked: SettingFlags<'_>,
    words: &[OsString],
    work: impl AsyncFnOnce(&mut Session) -> Result<u8, Stop>,
) -> u8 {
    let voice = asked.voice;
    let mut output = Output::new(asked.output, voice);
    output.is_cut = !asked.is_wide;
    let (settings, runtime) = match prepare(asked) {
        Ok(prepared) => prepared,
        Err(error) => return voice.exit_code(failed(&output, &error)),
    };
    output.configure(&settings);
    output::log::start(settings.log_level, settings.colour, output.screen());
    settings.warnings.iter().for_each(|text| output.say(text));
    if let Some(told) = settings.client_options(Vec::new()).narrowed() {
        tracing::info!("{told} (ulimit -n)");
    }
    let words: Vec<_> = words
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let resume = resume::command(&words);
    let signals = match Signals::listen(resume.clone()) {
        Ok(signals) => signals,
        Err(error) => return failed(&output, &system("listen for signals", error)),
    };
    let code = runtime.block_on(async {
        let mut session = Session {
            settings,
            output,
            signals,
            resume,
            keeps_files: true,
        };
        let code = match work(&mut session).await {
            Ok(code) => code,
            Err(Stop::Signalled(signal)) => signal.exit_code(),
            Err(Stop::Failed(error)) => failed(&session.output, &error),
        };
        let code = voice.exit_code(code);
        session.output.end(code);
        code
    });
    runtime.shutdown_timeout(LAST_WRITES);
    code
}

fn prepare(asked: SettingFlags<'_>) -> Result<(Settings, Runtime), Error> {
    let env = Env::read()?;
    let file = ConfigFile::read(&env)?;
    let settings = Settings {
        open_files: open_files::allowed(),
        ..Settings::new(asked, &env, &file)?
    };
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| system("start threads", error))?;
    Ok((settings, runtime))
}

/// Tells an error, to people and to programs, and returns its exit code.
fn failed(output: &Output, error: &Error) -> u8 {
    output.error(error);
    let told = output.documents(&[Document::error(error)]);
    // The first error is the one that counts.
    drop(told);
    exit::code_of(error)
}

fn told(result: Result<(), Error>) -> u8 {
    match result {
        Ok(()) => exit::SUCCESS,
        Err(error) => {
            output::error_to_people(&error);
            exit::code_of(&error)
        }
    }
}

fn system(action: &str, error: std::io::Error) -> Error {
    Error::new(
        ErrorKind::Disk,
        format!("the system does not let us {action}"),
    )
    .with_source(error)
}
