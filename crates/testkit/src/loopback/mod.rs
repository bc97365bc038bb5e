//! The fake Hub on 127.0.0.1: two listeners, one for the Hub and one for the storage behind it,
//! so that a redirect crosses origins as it does in the world. Stops when dropped.

mod delivery;
mod parse;

use crate::hub::{FakeHub, LfsRedirect};
use delivery::Outcome;
use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A fake Hub on a socket.
#[derive(Debug)]
pub struct Loopback {
    hub: FakeHub,
    address: SocketAddr,
    cdn: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
}

impl Loopback {
    /// Serves a Hub on a free port.
    pub async fn start(hub: FakeHub) -> io::Result<Self> {
        Self::start_at(hub, SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Serves a Hub on this address, and its storage on a free port of the same host.
    pub async fn start_at(hub: FakeHub, address: SocketAddr) -> io::Result<Self> {
        let at_hub = TcpListener::bind(address).await?;
        let at_cdn = TcpListener::bind(SocketAddr::new(address.ip(), 0)).await?;
        let (address, cdn) = (at_hub.local_addr()?, at_cdn.local_addr()?);
        hub.set_cdn_origin(&format!("http://{cdn}"));
        let serve = |listener| tokio::spawn(accept(listener, hub.clone()));
        let tasks = vec![serve(at_hub), serve(at_cdn)];
        Ok(Self {
            hub,
            address,
            cdn,
            tasks,
        })
    }

    /// What a client is told to use: scheme, host and port, and the path prefix if there is one.
    pub fn endpoint(&self) -> String {
        let mut prefix = String::new();
        self.hub
            .configure(|options| prefix.clone_from(&options.path_prefix));
        format!("http://{}{prefix}", self.address)
    }

    /// The origin of the storage, used as long as the options say [`LfsRedirect::WhenServed`].
    pub fn cdn(&self) -> String {
        format!("http://{}", self.cdn)
    }

    /// The Hub that is served.
    pub fn hub(&self) -> &FakeHub {
        &self.hub
    }

    /// Serves files in large storage from the Hub itself instead of the second origin.
    #[must_use]
    pub fn without_cdn(self) -> Self {
        self.hub
            .configure(|options| options.lfs_redirect = LfsRedirect::Never);
        self
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Accepts for as long as the task lives; its connections end with it.
async fn accept(listener: TcpListener, hub: FakeHub) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(serve(stream, hub.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection: a request, its answer, the next request.
async fn serve(mut stream: TcpStream, hub: FakeHub) {
    let _ = stream.set_nodelay(true);
    let mut input = Vec::new();
    loop {
        let request = match parse::read_request(&mut stream, &mut input).await {
            Ok(Some(request)) => request,
            Ok(None) | Err(parse::Bad::Broken) => return,
            Err(parse::Bad::Request(status)) => {
                let _ = delivery::refuse_with(&mut stream, status).await;
                return;
            }
        };
        let close = request
            .text("connection")
            .is_some_and(|c| c.eq_ignore_ascii_case("close"));
        let exchange = hub.exchange(&request);
        match delivery::deliver(&mut stream, exchange, request.is_head()).await {
            Ok(Outcome::KeepAlive) if !close => {}
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests;
