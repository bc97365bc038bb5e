//! A server that speaks TLS, with a certificate made for the test, in front of one that does not.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Who issues certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, as it stands in a file.
    pub(crate) pem: Vec<u8>,
}

impl Authority {
    pub(crate) fn new(organisation: &str, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::OrganizationName, organisation);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap();
        let text = STANDARD.encode(own.der());
        let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
        Self {
            issuer: Issuer::new(params, key),
            pem: pem.into_bytes(),
        }
    }

    /// Starts a server with a certificate for `host`, valid in these years, which hands every request to
    /// `behind`. It ends with the process of the test.
    pub(crate) fn serve(&self, host: &str, (from, to): (i32, i32), behind: &str) -> SocketAddr {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let own = params.signed_by(&key, &self.issuer).unwrap();
        start(own.der().clone(), &key, behind)
    }
}

/// The same with a certificate that vouches for itself.
pub(crate) fn self_signed(host: &str) -> SocketAddr {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    let own = params.self_signed(&key).unwrap();
    start(own.der().clone(), &key, "127.0.0.1:9")
}

fn start(
    own: rustls::pki_types::CertificateDer<'static>,
    key: &KeyPair,
    behind: &str,
) -> SocketAddr {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let behind = behind.trim_start_matches("http://").to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (config, behind) = (Arc::clone(&config), behind.clone());
            // Clients that refuse the certificate leave: that is the point of many tests.
            std::thread::spawn(move || drop(serve(stream, config, &behind)));
        }
    });
    address
}

/// Starts a proxy that leads every tunnel to `target`, wherever it was asked to lead.
pub(crate) fn tunnel(target: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || drop(lead(stream, target)));
        }
    });
    address
}

/// All up to the empty line, and nothing of what follows.
fn read_head(stream: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut byte = [0];
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(head)
}

fn lead(mut near: TcpStream, target: SocketAddr) -> std::io::Result<()> {
    let head = read_head(&mut near)?;
    assert!(
        head.starts_with(b"CONNECT "),
        "it was asked for something else"
    );
    near.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let far = TcpStream::connect(target)?;
    let (mut up, mut down) = ((near.try_clone()?, far.try_clone()?), (far, near));
    std::thread::spawn(move || std::io::copy(&mut up.0, &mut up.1));
    std::io::copy(&mut down.0, &mut down.1)?;
    Ok(())
}

/// One connection, one request.
fn serve(mut stream: TcpStream, config: Arc<ServerConfig>, behind: &str) -> std::io::Result<()> {
    let mut first = [0];
    stream.peek(&mut first)?;
    if first[0] != 0x16 {
        // Somebody asks the same port without TLS.
        let mut head = [0; 4096];
        let _ = stream.read(&mut head)?;
        let date = httpdate::fmt_http_date(std::time::SystemTime::now());
        write!(
            stream,
            "HTTP/1.1 301 Moved Permanently\r\nDate: {date}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )?;
        return Ok(());
    }
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut secure = StreamOwned::new(connection, stream);
    let mut head = read_head(&mut secure)?;
    let mut plain = TcpStream::connect(behind)?;
    head.truncate(head.len() - 2);
    head.extend_from_slice(b"Connection: close\r\n\r\n");
    plain.write_all(&head)?;
    let mut answer = Vec::new();
    plain.read_to_end(&mut answer)?;
    // The client must hear that the connection ends.
    let cut = answer.windows(2).position(|w| w == b"\r\n").unwrap();
    answer.splice(cut..cut, *b"\r\nConnection: close");
    secure.write_all(&answer)?;
    secure.conn.send_close_notify();
    secure.flush()
}
