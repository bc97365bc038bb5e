//! A minimal HTTP/1.1 client for judging Hubs: one connection per request, no redirects, no
//! retries, bodies in memory. What it cannot understand it reports instead of mending it.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use std::fmt::Write as _;
use std::io::{self, Error, ErrorKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bodies longer than this are not for this client.
const LONGEST_BODY: u64 = 1 << 30;

/// Asks one endpoint.
#[derive(Debug, Clone)]
pub struct Client {
    authority: String,
    prefix: String,
    headers: Vec<(String, String)>,
}

/// A response, complete.
#[derive(Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body; for `HEAD`, whatever came although nothing should.
    pub body: Bytes,
}

impl Reply {
    /// A header as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON.
    pub fn json(&self) -> io::Result<serde_json::Value> {
        serde_json::from_slice(&self.body).map_err(|error| invalid(&error.to_string()))
    }
}

impl Client {
    /// A client of `http://host:port[/prefix]`.
    pub fn new(endpoint: &str) -> io::Result<Self> {
        let rest = endpoint
            .strip_prefix("http://")
            .ok_or_else(|| invalid("only http is spoken"))?;
        let (authority, prefix) = rest
            .trim_end_matches('/')
            .split_once('/')
            .unwrap_or((rest.trim_end_matches('/'), ""));
        let prefix = if prefix.is_empty() {
            String::new()
        } else {
            format!("/{prefix}")
        };
        Ok(Self {
            authority: authority.to_owned(),
            prefix,
            headers: Vec::new(),
        })
    }

    /// Sends a header with every request.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `http://host:port`, without the prefix.
    pub fn origin(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// Sends a request for a path below the endpoint.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Reply> {
        self.send_raw(method, &format!("{}{path}", self.prefix), headers, body)
            .await
    }

    /// Sends a request for a path of the origin, as a `Location` names it.
    pub async fn send_raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Reply> {
        let authority = &self.authority;
        let address = if authority.contains(':') {
            authority.clone()
        } else {
            format!("{authority}:80")
        };
        let mut stream = TcpStream::connect(address).await?;
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n");
        let own = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(headers.iter().copied()) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if !body.is_empty() {
            let _ = write!(head, "Content-Length: {}\r\n", body.len());
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        read_reply(&mut stream, method == "HEAD").await
    }
}

async fn read_reply(stream: &mut TcpStream, head_only: bool) -> io::Result<Reply> {
    let mut input = Vec::new();
    let (status, headers, head) = loop {
        if let Some(parsed) = parse_head(&input)? {
            break parsed;
        }
        if stream.read_buf(&mut input).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    };
    input.drain(..head);
    let chunked = headers
        .get("transfer-encoding")
        .is_some_and(|v| v == "chunked");
    let length = headers
        .get("content-length")
        .and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    let bodiless = head_only || matches!(status, 204 | 304);
    // Without a length the connection's end is the body's, and what follows a HEAD is caught.
    let limit = if bodiless || chunked {
        LONGEST_BODY
    } else {
        length.unwrap_or(LONGEST_BODY)
    };
    let missing = limit.min(LONGEST_BODY).saturating_sub(input.len() as u64);
    stream.take(missing).read_to_end(&mut input).await?;
    if chunked && !bodiless {
        input = dechunk(&input)?;
    } else if !bodiless && length.is_some_and(|length| (input.len() as u64) < length) {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Reply {
        status,
        headers,
        body: input.into(),
    })
}

fn parse_head(input: &[u8]) -> io::Result<Option<(u16, HeaderMap, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut parsed = httparse::Response::new(&mut headers);
    let status = parsed
        .parse(input)
        .map_err(|error| invalid(&error.to_string()))?;
    let httparse::Status::Complete(length) = status else {
        return Ok(None);
    };
    let mut map = HeaderMap::new();
    for header in parsed.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(header.value)) {
            map.append(name, value);
        }
    }
    Ok(Some((parsed.code.unwrap_or_default(), map, length)))
}

fn dechunk(mut input: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let parsed = httparse::parse_chunk_size(input).map_err(|_| invalid("not a chunk"))?;
        let httparse::Status::Complete((start, length)) = parsed else {
            return Err(ErrorKind::UnexpectedEof.into());
        };
        let end = start.saturating_add(crate::corpus::index(length));
        let Some(rest) = input.get(end..).and_then(|rest| rest.strip_prefix(b"\r\n")) else {
            return Err(ErrorKind::UnexpectedEof.into());
        };
        if length == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&input[start..end]);
        input = rest;
    }
}

fn invalid(reason: &str) -> Error {
    Error::new(ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_and_a_missing_end_is_an_error() {
        assert_eq!(
            dechunk(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").unwrap(),
            b"abcde"
        );
        assert!(dechunk(b"3\r\nabc\r\n").is_err());
        assert!(dechunk(b"9\r\nabc\r\n").is_err());
    }

    #[test]
    fn an_endpoint_has_an_authority_and_perhaps_a_prefix() {
        let client = Client::new("http://h:1/hf/").unwrap();
        assert_eq!(
            (client.authority.as_str(), client.prefix.as_str()),
            ("h:1", "/hf")
        );
        assert!(Client::new("https://h").is_err());
    }
}
