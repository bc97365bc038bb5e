//! A TUN device: packets of a namespace, read and written as a file
//! (`Documentation/networking/tuntap.rst` of Linux). It knows nothing of what is in the packets.
//!
//! This is the one file with `unsafe`: two requests to the kernel for which there is no safe call.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::ioctl::{IntegerSetter, Opcode, Setter, ioctl, opcode};

use crate::failure::{Failure, Why};

/// What the device is called in each namespace.
pub(crate) const DEVICE: &str = "lab0";

// From `linux/if_tun.h`.
const SET_INTERFACE: Opcode = opcode::write::<i32>(b'T', 202);
const SET_OFFLOAD: Opcode = opcode::write::<u32>(b'T', 208);
const IFF_TUN: u16 = 0x0001;
const IFF_NO_PI: u16 = 0x1000;
const IFF_VNET_HDR: u16 = 0x4000;
const TUN_F_CSUM: usize = 0x01;
const TUN_F_TSO4: usize = 0x02;

/// `struct ifreq` of `linux/if.h`, whose union has 24 bytes where pointers have 64 bits and less
/// elsewhere.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; 16],
    flags: u16,
    rest: [u8; 22],
}

/// One device, gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Tun {
    file: OwnedFd,
}

impl Tun {
    /// Makes the device in the namespace of this thread. With `offload`, packets have a
    /// `virtio_net_hdr` in front and may stand for many.
    pub(crate) fn make(offload: bool) -> Result<Self, Failure> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = open("/dev/net/tun", flags, Mode::empty()).why(
            "cannot open /dev/net/tun",
            "run as root, with the module `tun` loaded",
        )?;
        let mut name = [0; 16];
        name[..DEVICE.len()].copy_from_slice(DEVICE.as_bytes());
        let request = InterfaceRequest {
            name,
            flags: IFF_TUN | IFF_NO_PI | if offload { IFF_VNET_HDR } else { 0 },
            rest: [0; 22],
        };
        let next = "run as root (CAP_NET_ADMIN) on a kernel with TUN";
        set_interface(&file, request).why("cannot make a TUN device", next)?;
        if offload {
            set_offload(&file).why("cannot turn segmentation offload on", "use gso=off")?;
        }
        Ok(Self { file })
    }

    /// Reads one packet, if there is one.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match rustix::io::read(&self.file, buffer) {
            Ok(length) => Ok(Some(length)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes one packet; whether the device took it.
    pub(crate) fn write(&self, packet: &[u8]) -> bool {
        rustix::io::write(&self.file, packet) == Ok(packet.len())
    }
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[allow(
    unsafe_code,
    reason = "no library makes this call for less than a runtime"
)]
fn set_interface(file: &OwnedFd, request: InterfaceRequest) -> rustix::io::Result<()> {
    // SAFETY: TUNSETIFF reads a `struct ifreq` and writes one back. `InterfaceRequest` has its
    // layout and is not smaller (40 bytes; the structure has 40 or 32). `Setter` owns it, so what is
    // written back lands in memory that is valid for writes and that nothing reads any more: `ioctl`
    // takes `Setter` by value and its pointer from a `&mut`. The kernel keeps no pointer.
    unsafe { ioctl(file, Setter::<SET_INTERFACE, _>::new(request)) }
}

#[allow(unsafe_code, reason = "as above")]
fn set_offload(file: &OwnedFd) -> rustix::io::Result<()> {
    // SAFETY: TUNSETOFFLOAD takes an integer in place of a pointer; no memory is touched.
    unsafe {
        let flags = TUN_F_CSUM | TUN_F_TSO4;
        ioctl(file, IntegerSetter::<SET_OFFLOAD>::new_usize(flags))
    }
}
