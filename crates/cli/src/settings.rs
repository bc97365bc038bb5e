//! Which value holds: for each setting the first of flag, variable and file, or the default.
//!
//! The result is plain values. Nothing is read here but the two files that settings point to: the
//! token file and the certificates.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use hfast::client::ClientOptions;
use hfast::doctor::Sources;
use hfast::environment::{Environment, Verbosity, stored_token};
use hfast::hub::extra::ExtraSource;
use hfast::hub::token::Token;
use hfast::hub::urls::Endpoint;
use hfast::rate_limit::RateLimit;
use hfast::transfer::limit::Limit;
use hfast::transport::http::HttpOptions;
use hfast::{Error, RepoType};
use tracing::level_filters::LevelFilter;

use crate::clock;
use crate::config_file::ConfigFile;
use crate::dialect::words::Voice;
use crate::env::Env;
use crate::flags::{NetworkFlags, OutputFlags, ProgressStyle};

/// Large files at once: enough to keep the connections busy, few enough that some finish soon.
const MAX_WORKERS: u16 = 8;

/// The values that hold for this run.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting that says yes or no"
)]
pub(crate) struct Settings {
    /// Endpoints that the user chose, most wanted first; empty without a choice.
    pub(crate) endpoints: Vec<Endpoint>,
    /// Where bytes come from beside the endpoints.
    pub(crate) extra_sources: Vec<ExtraSource>,
    /// They were chosen for this very command.
    pub(crate) endpoints_from_flags: bool,
    pub(crate) token: Option<Token>,
    /// The token was given for this very command, and not for the Hub in general.
    pub(crate) token_from_flag: bool,
    /// Where programs are looked for.
    pub(crate) path: Option<OsString>,
    /// The variable that holds a token, and that one, whatever a flag says.
    pub(crate) token_variable: Option<String>,
    pub(crate) token_of_variable: Option<Token>,
    /// The file of the token in use, which is read only where no flag or variable holds one.
    pub(crate) token_path: PathBuf,
    pub(crate) repo_type: Option<RepoType>,
    pub(crate) hub_cache: PathBuf,
    pub(crate) home: Option<PathBuf>,
    pub(crate) max_connections: Option<u16>,
    pub(crate) max_workers: u16,
    /// How many files and sockets the system lets this process open, where that is known.
    pub(crate) open_files: Option<usize>,
    pub(crate) limit: Option<Limit>,
    /// Where the processes of this user keep what they share.
    pub(crate) memory: PathBuf,
    pub(crate) offline: bool,
    pub(crate) symlinks: bool,
    pub(crate) http: HttpOptions,
    pub(crate) progress: ProgressStyle,
    pub(crate) colour: bool,
    /// The cursor cannot be moved.
    pub(crate) dumb_terminal: bool,
    pub(crate) columns: Option<u16>,
    pub(crate) log_level: LevelFilter,
    /// Where the settings came from.
    pub(crate) sources: Sources,
    /// What is odd but no reason to stop.
    pub(crate) warnings: Vec<String>,
}

/// The flags that settings come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SettingFlags<'a> {
    pub(crate) network: &'a NetworkFlags,
    pub(crate) output: &'a OutputFlags,
    pub(crate) repo_type: Option<&'a str>,
    pub(crate) max_workers: Option<u16>,
    pub(crate) source: &'a [String],
    /// In whose words results are told.
    pub(crate) voice: Voice,
    /// Tables are as wide as they like.
    pub(crate) is_wide: bool,
}

impl<'a> SettingFlags<'a> {
    /// The flags that all commands have.
    pub(crate) fn new(
        network: &'a NetworkFlags,
        output: &'a OutputFlags,
        repo_type: Option<&'a str>,
    ) -> Self {
        Self {
            network,
            output,
            repo_type,
            max_workers: None,
            source: &[],
            voice: Voice::Own,
            is_wide: false,
        }
    }
}

impl Settings {
    pub(crate) fn new(
        flags: SettingFlags<'_>,
        env: &Env,
        file: &ConfigFile,
    ) -> Result<Self, Error> {
        let SettingFlags {
            network, output, ..
        } = flags;
        let hub = &env.hub;
        let mut warnings = Vec::new();
        let token_flag = network.token.as_deref().map(Token::new).transpose()?;
        let sources = sources(network, env, file);
        let usual_progress = file.progress.unwrap_or_default();
        Ok(Self {
            endpoints: endpoints(network, hub, file)?,
            extra_sources: extra_sources(flags.source, file)?,
            endpoints_from_flags: network.mirror || !network.endpoint.is_empty(),
            token_from_flag: token_flag.is_some(),
            token: token_flag.or_else(|| implicit_token(hub, &mut warnings)),
            repo_type: flags.repo_type.map(str::parse).transpose()?,
            token_variable: env.sources.token.clone(),
            token_of_variable: hub.token.clone(),
            path: env.path.clone(),
            token_path: hub.token_path.clone(),
            hub_cache: hub.hub_cache.clone(),
            home: env.home.clone(),
            max_connections: first([network.max_connections, file.max_connections]),
            max_workers: first([flags.max_workers, file.max_workers]).unwrap_or(MAX_WORKERS),
            open_files: None,
            limit: limit(network, env, file)?,
            memory: shared_folder(env),
            offline: hub.offline,
            symlinks: !hub.symlinks_disabled,
            http: http_options(hub, &mut warnings),
            progress: first([output.progress, quiet(output), silenced(hub)])
                .unwrap_or(usual_progress),
            colour: !hub.no_color && !env.dumb_terminal,
            dumb_terminal: env.dumb_terminal,
            columns: hub.columns,
            sources,
            log_level: log_level(output.verbose, hub),
            warnings,
        })
    }

    /// A folder that was named, as the official clients take it: `~` is the user's home, which no
    /// shell expands behind `=`, and the path that is printed is absolute.
    pub(crate) fn folder(&self, named: &Path) -> Result<PathBuf, Error> {
        let below_home = named.strip_prefix("~").ok();
        let expanded = below_home.zip(self.home.as_ref());
        let folder = expanded.map_or_else(|| named.to_owned(), |(rest, home)| home.join(rest));
        std::path::absolute(&folder).map_err(|error| Error::disk("find", &folder, error))
    }

    /// The chosen endpoints, if they are to be asked for what an address names at `named`. One that
    /// is named is asked itself, but where it stands for the Hub's name space, or where this very
    /// command says otherwise: two servers may have different things under one name.
    pub(crate) fn endpoints_for(&self, named: Option<&Endpoint>) -> Option<&[Endpoint]> {
        let is_elsewhere =
            |named: &Endpoint| !named.is_well_known() && !self.endpoints.contains(named);
        let overrides = self.endpoints_from_flags || !named.is_some_and(is_elsewhere);
        (overrides && !self.endpoints.is_empty()).then_some(&self.endpoints)
    }

    /// The options of a client that asks `endpoints`.
    pub(crate) fn client_options(&self, endpoints: Vec<Endpoint>) -> ClientOptions {
        ClientOptions {
            endpoints,
            sources: self.extra_sources.clone(),
            token: self.token.clone(),
            http: self.http.clone(),
            connections: self.max_connections.map(usize::from),
            max_files: self.max_workers.into(),
            open_files: self.open_files,
            limit: self.limit.clone(),
            offline: self.offline,
            cache: Some(self.hub_cache.clone()),
            memory: Some(self.memory.clone()),
            symlinks: self.symlinks,
        }
    }
}

fn first<T, const N: usize>(candidates: [Option<T>; N]) -> Option<T> {
    candidates.into_iter().flatten().next()
}

fn endpoints(
    network: &NetworkFlags,
    hub: &Environment,
    file: &ConfigFile,
) -> Result<Vec<Endpoint>, Error> {
    let mut chosen = Vec::new();
    if network.mirror {
        chosen.push(Endpoint::public_mirror());
    }
    let (origin, named): (&str, Vec<&str>) = match (&hub.endpoint, file.endpoints.as_slice()) {
        _ if !network.endpoint.is_empty() => ("", texts(&network.endpoint)),
        (Some(variable), _) => ("HF_ENDPOINT: ", vec![variable]),
        (None, [_, ..]) => ("in the settings file: ", texts(&file.endpoints)),
        // Behind a mirror stands the Hub; no choice at all stays empty.
        (None, []) if network.mirror => ("", vec![Endpoint::HUB]),
        (None, []) => ("", Vec::new()),
    };
    for text in named {
        add(&mut chosen, origin, text)?;
    }
    Ok(chosen)
}

/// Flags and settings file together: more of them are better.
fn extra_sources(flags: &[String], file: &ConfigFile) -> Result<Vec<ExtraSource>, Error> {
    let mut sources = Vec::new();
    for text in flags {
        add(&mut sources, "--source: ", text)?;
    }
    for text in &file.sources {
        add(&mut sources, "in the settings file: ", text)?;
    }
    Ok(sources)
}

/// Reads one more, unless it is there already.
fn add<T>(list: &mut Vec<T>, origin: &str, text: &str) -> Result<(), Error>
where
    T: FromStr<Err = Error> + PartialEq,
{
    let value = read(origin, text)?;
    if !list.contains(&value) {
        list.push(value);
    }
    Ok(())
}

/// Reads a setting; the error says where it was written.
fn read<T: FromStr<Err = Error>>(origin: &str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|error: Error| {
        let hint = error.hint().unwrap_or_default().to_owned();
        Error::new(error.kind(), format!("{origin}{error}")).with_hint(hint)
    })
}

fn shared_folder(env: &Env) -> PathBuf {
    Limit::usual_folder(env.runtime.as_deref(), &std::env::temp_dir())
}

/// How fast files may come; `None` without a limit.
fn limit(network: &NetworkFlags, env: &Env, file: &ConfigFile) -> Result<Option<Limit>, Error> {
    let flag = Some(network.limit_rate.join(",")).filter(|_| !network.limit_rate.is_empty());
    let stated = first([
        flag.map(|text| ("--limit-rate: ", text)),
        env.limit_rate
            .clone()
            .map(|text| ("HFAST_LIMIT_RATE: ", text)),
        file.limit_rate
            .clone()
            .map(|text| ("in the settings file: ", text)),
    ]);
    let Some((origin, text)) = stated else {
        return Ok(None);
    };
    let rate: RateLimit = read(origin, &text)?;
    Ok((!rate.is_full()).then(|| Limit {
        rate,
        clock: Arc::new(clock::time_of_day),
        folder: Some(shared_folder(env)),
    }))
}

/// The variables, and what wins over them or stands in for them.
fn sources(network: &NetworkFlags, env: &Env, file: &ConfigFile) -> Sources {
    let mut sources = env.sources.clone();
    let settings_file = env.config.as_ref().or(env.default_config.as_ref());
    let settings_file = settings_file.map(|path| path.display().to_string());
    sources.mirror = network.mirror.then(|| "--mirror".to_owned());
    if !network.endpoint.is_empty() {
        sources.endpoints = Some("--endpoint".to_owned());
    } else if sources.endpoints.is_none() && !file.endpoints.is_empty() {
        sources.endpoints.clone_from(&settings_file);
    }
    if network.token.is_some() {
        sources.token = Some("--token".to_owned());
    } else if sources.token.is_none() {
        sources.token = Some(format!("the file {}", env.hub.token_path.display()));
    }
    sources.settings_file = settings_file;
    sources
}

fn texts(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

/// The token of the environment, else that of the token file.
fn implicit_token(hub: &Environment, warnings: &mut Vec<String>) -> Option<Token> {
    if hub.implicit_token_disabled {
        return None;
    }
    hub.token.clone().or_else(|| {
        let path = &hub.token_path;
        let text = readable(path, "the token file", warnings)?;
        let text = String::from_utf8_lossy(&text);
        let token = stored_token(&text);
        if token.is_none() && !text.trim().is_empty() {
            warnings.push(format!("the token file {} holds no token", path.display()));
        }
        token
    })
}

fn http_options(hub: &Environment, warnings: &mut Vec<String>) -> HttpOptions {
    // A folder of certificates is read by the system's own verifier.
    let bundle = hub.ca_file.as_deref().filter(|path| !path.is_dir());
    let certificates = bundle.and_then(|path| {
        let found = readable(path, "the certificates", warnings);
        if found.is_none() && !path.exists() {
            warnings.push(format!("there are no certificates at {}", path.display()));
        }
        found
    });
    let origin = hub.user_agent_origin.as_deref();
    let origin = origin.map_or_else(String::new, |origin| format!("; origin/{origin}"));
    HttpOptions {
        user_agent: format!("hfast/{}; rust{origin}", env!("CARGO_PKG_VERSION")),
        http_proxy: hub.proxy.http.clone(),
        https_proxy: hub.proxy.https.clone(),
        all_proxy: hub.proxy.all.clone(),
        no_proxy: hub.proxy.no_proxy.clone(),
        extra_certificates: certificates.unwrap_or_default(),
    }
}

/// The content of a file that need not be there; one that cannot be read is worth a warning.
fn readable(path: &Path, what: &str, warnings: &mut Vec<String>) -> Option<Vec<u8>> {
    match std::fs::read(path) {
        Ok(content) => Some(content),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            warnings.push(format!(
                "going on without {what} {}: {error}",
                path.display()
            ));
            None
        }
    }
}

fn quiet(output: &OutputFlags) -> Option<ProgressStyle> {
    let quiet = output.quiet || output.format == Some(crate::flags::Format::Quiet);
    quiet.then_some(ProgressStyle::None)
}

fn silenced(hub: &Environment) -> Option<ProgressStyle> {
    (hub.progress_disabled == Some(true)).then_some(ProgressStyle::None)
}

fn log_level(verbose: u8, hub: &Environment) -> LevelFilter {
    let stated = match hub.verbosity {
        Some(Verbosity::Debug) => LevelFilter::DEBUG,
        Some(Verbosity::Info) => LevelFilter::INFO,
        Some(Verbosity::Warning) | None => LevelFilter::WARN,
        Some(Verbosity::Error | Verbosity::Critical) => LevelFilter::ERROR,
    };
    match verbose {
        0 if hub.debug => LevelFilter::DEBUG,
        0 => stated,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        3.. => LevelFilter::TRACE,
    }
}
