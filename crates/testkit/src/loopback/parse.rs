//! Requests off a socket: bounded heads, bounded bodies, nothing clever.

use crate::hub::Request;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const LONGEST_HEAD: usize = 64 * 1024;
const LONGEST_BODY: usize = 1024 * 1024;
const MOST_HEADERS: usize = 100;

/// Why there is no request.
pub(super) enum Bad {
    /// The connection broke.
    Broken,
    /// It is answered with this status and the connection closed.
    Request(u16),
}

impl From<io::Error> for Bad {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

/// The next request of a connection; `input` keeps what was read beyond it.
pub(super) async fn read_request(
    stream: &mut TcpStream,
    input: &mut Vec<u8>,
) -> Result<Option<Request>, Bad> {
    let (mut request, head) = loop {
        match parse_head(input)? {
            Some((_, head)) if head > LONGEST_HEAD => return Err(Bad::Request(431)),
            Some(parsed) => break parsed,
            None if input.len() > LONGEST_HEAD => return Err(Bad::Request(431)),
            None => {}
        }
        if read_more(stream, input).await? == 0 {
            return Ok(None);
        }
    };
    input.drain(..head);
    if request.headers.contains_key("transfer-encoding") {
        return Err(Bad::Request(411));
    }
    let length = request
        .text("content-length")
        .map_or(Ok(0), str::parse::<usize>);
    let length = length.map_err(|_| Bad::Request(400))?;
    if length > LONGEST_BODY {
        return Err(Bad::Request(413));
    }
    if length > input.len() && request.text("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    while input.len() < length {
        if read_more(stream, input).await? == 0 {
            return Ok(None);
        }
    }
    request.body = Bytes::from(input.drain(..length).collect::<Vec<u8>>());
    Ok(Some(request))
}

async fn read_more(stream: &mut TcpStream, input: &mut Vec<u8>) -> io::Result<usize> {
    input.reserve(8 * 1024);
    stream.read_buf(input).await
}

/// The request line and the headers, once they are complete.
fn parse_head(input: &[u8]) -> Result<Option<(Request, usize)>, Bad> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let head = match parsed.parse(input) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Bad::Request(431)),
        Err(_) => return Err(Bad::Request(400)),
    };
    let target = parsed.path.unwrap_or("/");
    // A client that believes us to be its proxy names the whole URL.
    let path_and_query = match target.split_once("://") {
        Some((_, rest)) if !target.starts_with('/') => {
            rest.find('/').map_or("/", |slash| &rest[slash..])
        }
        _ => target,
    };
    let mut request = Request::new(parsed.method.unwrap_or_default(), "", path_and_query);
    request.headers = header_map(parsed.headers);
    request.host = request.text("host").unwrap_or_default().to_owned();
    Ok(Some((request, head)))
}

fn header_map(headers: &[httparse::Header<'_>]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for header in headers {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(header.value)) {
            map.append(name, value);
        }
    }
    map
}
