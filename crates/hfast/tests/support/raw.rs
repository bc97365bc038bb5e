//! A server that says, byte for byte, what a closure gives it: for answers that no Hub can give.
//! Every answer ends its connection.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What is said to one request.
pub(crate) enum Says {
    /// This, and then the end.
    Once(Vec<u8>),
    /// This again and again, as long as anybody listens.
    Forever(Vec<u8>),
}

/// The server; it ends with the test's runtime.
pub(crate) struct Raw {
    pub(crate) host: String,
    asked: Arc<AtomicUsize>,
}

impl Raw {
    /// `answer` gets the number of the request, from 0, and its head.
    pub(crate) async fn start(
        answer: impl Fn(usize, &str) -> Says + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let (answer, counter) = (Arc::new(answer), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, counter) = (Arc::clone(&answer), Arc::clone(&counter));
                tokio::spawn(async move {
                    // Whoever asked may leave at any time.
                    let _ = serve(stream, |head| answer(counter.fetch_add(1, Relaxed), head)).await;
                });
            }
        });
        Self { host, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/file.bin", self.host)
    }

    /// How many requests have come.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Relaxed)
    }
}

async fn serve(mut stream: TcpStream, answer: impl Fn(&str) -> Says) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        // A TLS handshake has no such end; it is answered as it comes.
        let byte = stream.read_u8().await?;
        head.push(byte);
        if head.first() == Some(&0x16) {
            break;
        }
    }
    match answer(&String::from_utf8_lossy(&head)) {
        Says::Once(bytes) => stream.write_all(&bytes).await?,
        Says::Forever(bytes) => loop {
            stream.write_all(&bytes).await?;
        },
    }
    stream.shutdown().await?;
    // Bytes that nobody reads would turn the end into a reset.
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(())
}

/// A whole answer: status line, headers and body.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Says {
    let mut bytes = format!("HTTP/1.1 {status}\r\nConnection: close\r\n").into_bytes();
    for (name, value) in headers {
        write!(bytes, "{name}: {value}\r\n").unwrap();
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    Says::Once(bytes)
}

/// `content` as an honest server gives it: whole, in part, or its head alone.
pub(crate) fn honest(head: &str, content: &[u8], etag: &str) -> Says {
    honest_with(head, content, &[("ETag", etag)])
}

/// The same with these headers, which tell the state of the content.
pub(crate) fn honest_with(head: &str, content: &[u8], state: &[(&str, &str)]) -> Says {
    let range = head.lines().find_map(|line| {
        line.to_lowercase()
            .strip_prefix("range: bytes=")
            .map(str::to_owned)
    });
    let total = content.len();
    let (status, from, to) = match range.as_deref().and_then(|range| range.split_once('-')) {
        Some((first, last)) => {
            let last: usize = last.parse().unwrap_or(total - 1);
            (
                "206 Partial Content",
                first.parse().unwrap(),
                last.min(total - 1) + 1,
            )
        }
        None => ("200 OK", 0, total),
    };
    let body = if head.starts_with("HEAD") {
        &[]
    } else {
        &content[from..to]
    };
    let length = (to - from).to_string();
    let part = format!("bytes {from}-{}/{total}", to - 1);
    let mut headers = vec![("Content-Length", length.as_str())];
    headers.extend(state);
    if status.starts_with("206") {
        headers.push(("Content-Range", &part));
    }
    answer(status, &headers, body)
}
