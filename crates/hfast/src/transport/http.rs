//! The real transport: HTTP/1.1 over TCP and TLS, through proxies where asked.
//!
//! HTTP/2 is off on purpose: it would put all ranges of a file on one TCP connection, and many
//! connections are what a lossy or throttled path needs.

use std::collections::HashSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, Once, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper_util::client::legacy::connect::HttpInfo;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Certificate, Client, ClientBuilder, Proxy, redirect};
use url::Url;

use super::failure::{Failure, FailureKind};
use super::lookup::Lookup;
use super::resolver::Resolver;
use super::witness::Witness;
use super::{Body, Boxed, Request, Response, Transport};
use crate::error::{Error, ErrorKind};
use crate::hub::urls::{authority, shown};

/// Time for TCP, proxy and TLS together. Three lost SYNs at one second and doubling are 7 s.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// So many connections are told from new ones: many more than are open at once.
const REMEMBERED: usize = 4096;

/// How the network is reached. Addresses of proxies may hold a password, and are printed without it.
#[derive(Clone, Default)]
pub struct HttpOptions {
    /// The whole `User-Agent`.
    pub user_agent: String,
    /// Proxy for `http:` URLs.
    pub http_proxy: Option<String>,
    /// Proxy for `https:` URLs.
    pub https_proxy: Option<String>,
    /// Proxy for whatever the other two leave out.
    pub all_proxy: Option<String>,
    /// Hosts that are reached directly, in the usual comma-separated form.
    pub no_proxy: Option<String>,
    /// Further trusted certificates, PEM, beside those of the system.
    pub extra_certificates: Vec<u8>,
}

impl fmt::Debug for HttpOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let safe = |address: &Option<String>| address.as_deref().map(shown);
        f.debug_struct("HttpOptions")
            .field("user_agent", &self.user_agent)
            .field("http_proxy", &safe(&self.http_proxy))
            .field("https_proxy", &safe(&self.https_proxy))
            .field("all_proxy", &safe(&self.all_proxy))
            .field("no_proxy", &self.no_proxy)
            .field("extra_certificates", &self.extra_certificates.len())
            .finish()
    }
}

/// Sends requests with `reqwest`; see the module for what is switched off.
pub struct HttpTransport {
    client: Client,
    /// Keeps no connection, and so begins with a new one each time. Made when it is needed first: to read the
    /// certificates of the system takes as long as a round trip to a near server.
    fresh: OnceLock<Client>,
    options: HttpOptions,
    resolver: Resolver,
    served: Served,
    /// Which proxy an address goes through: the client does not tell.
    proxies: Matcher,
}

impl HttpTransport {
    /// Prepares the client; opens no connection.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a proxy address or certificate that cannot be used.
    pub fn new(options: &HttpOptions) -> Result<Self, Error> {
        install_crypto();
        let resolver = Resolver::default();
        let client = trusting(builder(options, &resolver)?, options)?;
        Ok(Self {
            client: built(client)?,
            fresh: OnceLock::new(),
            options: options.clone(),
            resolver,
            served: Served::default(),
            proxies: matcher(options),
        })
    }

    /// The same in all that a server can see, but names are asked of `lookup`, and `witness` hears
    /// which certificates are shown. What is trusted is the same.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(crate) fn observed(
        options: &HttpOptions,
        lookup: Lookup,
        witness: &Witness,
    ) -> Result<Self, Error> {
        install_crypto();
        let resolver = Resolver::asking(lookup);
        let tls = witness.tls(&options.extra_certificates)?;
        let client = builder(options, &resolver)?.tls_backend_preconfigured(tls);
        let client = built(client)?;
        Ok(Self {
            fresh: OnceLock::from(client.clone()),
            options: options.clone(),
            client,
            resolver,
            served: Served::default(),
            proxies: matcher(options),
        })
    }
}

/// The connections that have brought an answer, by both ends, which no two have at a time.
#[derive(Default)]
struct Served(Mutex<HashSet<[SocketAddr; 2]>>);

impl Served {
    /// Whether it has, and it has from now on.
    fn has(&self, connection: [SocketAddr; 2]) -> bool {
        let mut served = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if served.len() >= REMEMBERED {
            served.clear();
        }
        !served.insert(connection)
    }
}

fn builder(options: &HttpOptions, resolver: &Resolver) -> Result<ClientBuilder, Error> {
    let mut builder = Client::builder()
        .user_agent(&options.user_agent)
        .redirect(redirect::Policy::none())
        .http1_only()
        .connect_timeout(CONNECT_TIMEOUT)
        .dns_resolver(resolver.clone())
        .no_proxy();
    for proxy in proxies(options)? {
        builder = builder.proxy(proxy);
    }
    Ok(builder)
}

/// Adds the further certificates to those of the system.
fn trusting(builder: ClientBuilder, options: &HttpOptions) -> Result<ClientBuilder, Error> {
    if options.extra_certificates.is_empty() {
        return Ok(builder);
    }
    let certificates = Certificate::from_pem_bundle(&options.extra_certificates).map_err(no_pem)?;
    Ok(builder.tls_certs_merge(certificates))
}

pub(super) fn no_pem(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let text = "the extra certificates are not a PEM file";
    Error::new(ErrorKind::Usage, text).with_source(cause)
}

pub(super) fn unusable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let text = "cannot set up the network with these settings";
    Error::new(ErrorKind::Usage, text).with_source(cause)
}

fn built(builder: ClientBuilder) -> Result<Client, Error> {
    builder.build().map_err(unusable)
}

impl Transport for HttpTransport {
    fn send(&self, request: Request) -> Boxed<'_, Result<Response, Failure>> {
        Box::pin(async move {
            let host = authority(&request.url).to_owned();
            let proxy = self.proxy_of(&request.url);
            let client = if request.fresh {
                self.fresh()
            } else {
                &self.client
            };
            let sent = client
                .request(request.method, request.url)
                .headers(request.headers)
                .send();
            let response = sent
                .await
                .map_err(|e| through(proxy, Failure::from_reqwest(&e)).at(&host))?;
            let info = response.extensions().get::<HttpInfo>();
            let peer = info.map(HttpInfo::remote_addr);
            if let Some(peer) = peer {
                self.resolver.answered(peer.ip());
            }
            let ends = info.map(|info| [info.local_addr(), info.remote_addr()]);
            let kept = ends.is_some_and(|ends| self.served.has(ends));
            Ok(Response {
                status: response.status(),
                headers: response.headers().clone(),
                peer,
                kept,
                body: Box::new(HttpBody { response, host }),
            })
        })
    }

    fn avoid(&self, peer: SocketAddr) {
        self.resolver.demote(peer.ip());
    }
}

impl HttpTransport {
    fn fresh(&self) -> &Client {
        self.fresh.get_or_init(|| {
            let made = builder(&self.options, &self.resolver)
                .and_then(|builder| trusting(builder, &self.options))
                .and_then(|builder| built(builder.pool_max_idle_per_host(0)));
            // The same settings have made one client, so this cannot be; if it is, a kept connection will do.
            made.unwrap_or_else(|error| {
                tracing::warn!("no client for new connections: {error}");
                self.client.clone()
            })
        })
    }

    /// Host and port of the proxy for `url`, if there is one.
    fn proxy_of(&self, url: &Url) -> Option<String> {
        Some(way_out(&self.proxies, url)?.1)
    }
}

/// The address of the proxy that `url` goes through, if there is one, without user and password.
pub(crate) fn proxy_for(options: &HttpOptions, url: &Url) -> Option<Url> {
    let (scheme, authority) = way_out(&matcher(options), url)?;
    Url::parse(&format!("{scheme}://{authority}")).ok()
}

/// Scheme, and host and port, of the proxy for `url`, if there is one.
fn way_out(proxies: &Matcher, url: &Url) -> Option<(String, String)> {
    let found = proxies.intercept(&url.as_str().parse().ok()?)?;
    let address = found.uri();
    let authority = address.authority()?.as_str().rsplit('@').next()?;
    let scheme = address.scheme_str().unwrap_or("http");
    Some((scheme.to_owned(), authority.to_owned()))
}

/// A failure to connect is that of the proxy, if there is one.
fn through(proxy: Option<String>, failure: Failure) -> Failure {
    match (proxy, failure.kind) {
        (Some(proxy), FailureKind::Connect | FailureKind::Dns | FailureKind::Proxy) => {
            let text = format!("the proxy {proxy}: {}", failure.detail());
            Failure::new(FailureKind::Proxy, text)
        }
        (_, _) => failure,
    }
}

fn matcher(options: &HttpOptions) -> Matcher {
    let text = |address: &Option<String>| address.clone().unwrap_or_default();
    Matcher::builder()
        .http(text(&options.http_proxy))
        .https(text(&options.https_proxy))
        .all(text(&options.all_proxy))
        .no(text(&options.no_proxy))
        .build()
}

struct HttpBody {
    response: reqwest::Response,
    host: String,
}

impl Body for HttpBody {
    fn chunk(&mut self) -> Boxed<'_, Result<Option<Bytes>, Failure>> {
        Box::pin(async {
            self.response.chunk().await.map_err(|e| {
                let mut failure = Failure::from_reqwest(&e);
                // Whatever the HTTP library calls it, a body that ends in an error broke.
                failure.kind = FailureKind::Broken;
                failure.at(&self.host)
            })
        })
    }
}

fn proxies(options: &HttpOptions) -> Result<Vec<Proxy>, Error> {
    let no_proxy = options
        .no_proxy
        .as_deref()
        .and_then(reqwest::NoProxy::from_string);
    let proxy = |make: fn(String) -> reqwest::Result<Proxy>, address: &Option<String>| {
        let address = address.clone().filter(|address| !address.is_empty())?;
        if !has_proxy_scheme(&address) {
            return Some(Err(no_proxy_address()));
        }
        let made = make(address).map(|proxy| proxy.no_proxy(no_proxy.clone()));
        Some(made.map_err(|e| no_proxy_address().with_source(e)))
    };
    let all = [
        proxy(Proxy::http, &options.http_proxy),
        proxy(Proxy::https, &options.https_proxy),
        proxy(Proxy::all, &options.all_proxy),
    ];
    all.into_iter().flatten().collect()
}

/// Others are not spoken, and would be passed over in silence.
fn has_proxy_scheme(address: &str) -> bool {
    let scheme = address.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_none_or(|scheme| {
        matches!(
            scheme,
            "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h"
        )
    })
}

fn no_proxy_address() -> Error {
    Error::new(ErrorKind::Usage, "the address of the proxy cannot be read")
        .with_hint("write it as http://host:port or socks5h://host:port")
}

/// Chooses `ring` for TLS, once for the process; a provider that the embedder installed stays.
fn install_crypto() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let already_installed = rustls::crypto::ring::default_provider().install_default();
        drop(already_installed);
    });
}
