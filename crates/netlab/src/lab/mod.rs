//! A lab: two namespaces, their devices, addresses, routes and TCP settings, made and removed.
//!
//! It changes nothing of the machine outside its own namespaces and the files under its name.

mod name;
mod namespace;

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Signal, kill_process};
use tokio::time::sleep;

use name::Taken;
pub(crate) use name::{LabName, owner, state, taken};
pub(crate) use namespace::{exists, inside, listening, namespace};
use namespace::{ip, sysctl};

use crate::end::{End, PerEnd};
use crate::failure::{Failure, Why};
use crate::tun::{DEVICE, Tun};

pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The network of both ends: 10.77.0.0/16.
const NETWORK: &str = "10.77.0.0/16";
const PREFIX: u8 = 16;
/// Packets that the kernel may keep until the link reads them: a burst at full speed.
const TRANSMIT_QUEUE: &str = "10000";
/// Rounds of killing what still runs in a namespace. What is killed needs a moment to go.
const KILL_ROUNDS: usize = 50;

/// Looks whether what was asked to end has ended, and the time between: half a second is enough for
/// a server to close its files.
const CLEAR_ROUNDS: usize = 25;
const CLEAR_PAUSE: Duration = Duration::from_millis(20);

/// Whether an address may be one of the server's.
pub(crate) fn in_network(address: Ipv4Addr) -> bool {
    address.octets()[..2] == SERVER.octets()[..2] && address != CLIENT
}

/// What a lab is made from.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) mtu: u16,
    pub(crate) offload: bool,
    /// Addresses of the server beside its first.
    pub(crate) servers: Vec<Ipv4Addr>,
    /// TCP congestion control of both ends.
    pub(crate) congestion_control: String,
    /// `tcp_rmem` of the client and `tcp_wmem` of the server.
    pub(crate) client_rmem: String,
    pub(crate) server_wmem: String,
}

impl Plan {
    fn address(end: End) -> Ipv4Addr {
        match end {
            End::Client => CLIENT,
            End::Server => SERVER,
        }
    }

    /// `/etc/hosts` of both ends.
    fn hosts(&self) -> String {
        let mut hosts =
            format!("127.0.0.1 localhost\n{SERVER} server hub.lab cdn.lab\n{CLIENT} client\n");
        for (number, address) in (2..).zip(&self.servers) {
            hosts.extend([format!("{address} server{number}\n")]);
        }
        hosts
    }
}

/// The two namespaces of a lab. Dropping it removes them, and ends what still runs in them.
#[derive(Debug)]
pub(crate) struct Lab {
    name: LabName,
    /// Nobody else makes a lab of this name as long as this lives.
    _taken: Taken,
}

impl Lab {
    /// Makes both ends; returns the device of each with it. What an earlier lab of this name left
    /// behind is removed first.
    pub(crate) fn make(name: &LabName, plan: &Plan) -> Result<(Self, PerEnd<Tun>), Failure> {
        let taken = Taken::take(name)?;
        remove(name);
        let lab = Self {
            name: name.clone(),
            _taken: taken,
        };
        let tuns = PerEnd {
            client: make_end(name, End::Client, plan)?,
            server: make_end(name, End::Server, plan)?,
        };
        Ok((lab, tuns))
    }

    /// Asks what still runs in the lab to end, and waits a moment for it.
    pub(crate) async fn clear(&self) {
        let spaces = End::BOTH.map(|end| namespace(&self.name, end));
        let running = || spaces.iter().flat_map(|space| namespace::processes(space));
        for process in running() {
            let _ = kill_process(process, Signal::TERM);
        }
        for _ in 0..CLEAR_ROUNDS {
            if running().next().is_none() {
                return;
            }
            sleep(CLEAR_PAUSE).await;
        }
    }

    /// Packets that each end's kernel dropped because the link did not read them in time.
    pub(crate) fn overruns(&self) -> Result<PerEnd<u64>, Failure> {
        Ok(PerEnd {
            client: namespace::overruns(&self.name, End::Client)?,
            server: namespace::overruns(&self.name, End::Server)?,
        })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

fn make_end(name: &LabName, end: End, plan: &Plan) -> Result<Tun, Failure> {
    let space = namespace(name, end);
    ip(&["netns", "add", &space])?;
    let etc = etc(name, end);
    let next = "run as root, with room under /etc/netns";
    fs::create_dir_all(&etc).why(format!("cannot make {}", etc.display()), next)?;
    for (file, text) in [
        ("hosts", plan.hosts().as_str()),
        ("resolv.conf", "# there is no resolver in a lab\n"),
    ] {
        let path = etc.join(file);
        fs::write(&path, text).why(format!("cannot write {}", path.display()), next)?;
    }
    inside(&space, || furnish(end, plan))
}

/// Makes device, address, route and settings in the namespace of this thread.
fn furnish(end: End, plan: &Plan) -> Result<Tun, Failure> {
    let tun = Tun::make(plan.offload)?;
    // A kernel without IPv6 has nothing to turn off.
    let _ = sysctl("ipv6/conf/all/disable_ipv6", "1");
    sysctl("ipv4/tcp_no_metrics_save", "1")?;
    match end {
        End::Client => sysctl("ipv4/tcp_rmem", &plan.client_rmem)?,
        End::Server => sysctl("ipv4/tcp_wmem", &plan.server_wmem)?,
    }
    ip(&["link", "set", "lo", "up"])?;
    let mtu = plan.mtu.to_string();
    let queue = ["txqueuelen", TRANSMIT_QUEUE];
    ip(&["link", "set", DEVICE, "mtu", &mtu, queue[0], queue[1], "up"])?;
    let address = Plan::address(end);
    let others = if end == End::Server {
        &plan.servers[..]
    } else {
        &[]
    };
    for address in std::iter::once(&address).chain(others) {
        ip(&["addr", "add", &format!("{address}/{PREFIX}"), "dev", DEVICE])?;
    }
    // By route, not by sysctl: a namespace may not make an algorithm its default that the machine has
    // not allowed for all, and a lab changes nothing outside itself.
    let control = ["congctl", &plan.congestion_control];
    let source = ["src", &address.to_string()];
    let route = ["route", "replace", NETWORK, "dev", DEVICE];
    ip(&[&route[..], &source[..], &control[..]].concat())?;
    Ok(tun)
}

fn etc(name: &LabName, end: End) -> PathBuf {
    PathBuf::from("/etc/netns").join(namespace(name, end))
}

/// Removes what there is of a lab, and ends what runs in it. What fails is tried again by the next
/// lab of this name.
fn remove(name: &LabName) {
    for end in End::BOTH {
        let space = namespace(name, end);
        for _ in 0..KILL_ROUNDS {
            let running = namespace::processes(&space);
            if running.is_empty() {
                break;
            }
            for process in running {
                let _ = kill_process(process, Signal::KILL);
            }
        }
        if namespace::exists(&space) {
            let _ = ip(&["netns", "delete", &space]);
        }
        let _ = fs::remove_dir_all(etc(name, end));
    }
    state::remove(name);
}

/// The refusal to do something with a lab that there is not.
pub(crate) fn missing(name: &LabName) -> Failure {
    let next = format!("begin one with `netlab up PROFILE --name {name}`");
    Failure::new(format!("no lab {name} is up"), next)
}

/// Removes a lab that nobody looks after any more.
pub(crate) fn sweep(name: &LabName) -> Result<(), Failure> {
    let _taken = Taken::take(name)?;
    remove(name);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_server_are_in_its_network_and_not_the_client() {
        assert!(in_network(Ipv4Addr::new(10, 77, 3, 9)));
        assert!(!in_network(Ipv4Addr::new(10, 78, 0, 1)));
        assert!(!in_network(CLIENT));
    }

    #[test]
    fn both_ends_know_all_names() {
        let plan = Plan {
            mtu: 1_500,
            offload: false,
            servers: vec![Ipv4Addr::new(10, 77, 0, 9), Ipv4Addr::new(10, 77, 0, 10)],
            congestion_control: String::new(),
            client_rmem: String::new(),
            server_wmem: String::new(),
        };
        let expected = "127.0.0.1 localhost\n10.77.0.1 server hub.lab cdn.lab\n10.77.0.2 client\n\
                        10.77.0.9 server2\n10.77.0.10 server3\n";
        assert_eq!(plan.hosts(), expected);
    }
}
