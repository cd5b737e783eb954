//! Receives datagrams in batches, and takes joined ones (`UDP_GRO`) apart.

use std::io;
use std::net::SocketAddr;

use crate::address::{RAW_ADDRESS_BYTES, RawAddress};
use crate::counters::Counters;
use crate::socket::Socket;

/// Messages in one call. More does not make it cheaper, and delays the first of the batch.
pub(crate) const BATCH_MESSAGES: usize = 64;

/// Room for one message: joined datagrams are at most 64 KiB.
const MESSAGE_BYTES: usize = 65_536;

/// Distance between two messages' rooms. The odd number of cache lines keeps the beginnings of all messages, which
/// are most of what is ever touched, out of each other's cache sets.
const MESSAGE_STRIDE: usize = MESSAGE_BYTES + 23 * 64;

/// Room for the two control messages asked for: segment size and drop counter.
const CONTROL_BYTES: usize = 64;

/// Control messages, aligned as the kernel wants them.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_BYTES]);

/// The buffers of one thread, 4 MiB of which only what arrives is ever touched.
pub(crate) struct Inlet {
    bytes: Vec<u8>,
    names: Vec<RawAddress>,
    controls: Vec<Control>,
    iovecs: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

impl Inlet {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; BATCH_MESSAGES * MESSAGE_STRIDE],
            names: vec![RawAddress::zeroed(); BATCH_MESSAGES],
            controls: vec![Control([0; CONTROL_BYTES]); BATCH_MESSAGES],
            iovecs: Vec::with_capacity(BATCH_MESSAGES),
            headers: Vec::with_capacity(BATCH_MESSAGES),
        }
    }

    /// Receives one batch, hands each datagram to `each`, and counts.
    pub(crate) fn receive(
        &mut self,
        socket: &Socket,
        counters: &Counters,
        mut each: impl FnMut(SocketAddr, &mut [u8]),
    ) {
        let received = match self.call(socket) {
            Ok(received) => received,
            Err(error) if is_nothing(&error) => return,
            // An ICMP error of an earlier datagram, or shortage of memory: the socket lives on.
            Err(_) => return counters.receive_errors.add(1),
        };
        counters.receive_calls.add(1);
        let rooms = self.bytes.chunks_exact_mut(MESSAGE_STRIDE);
        for ((header, name), room) in self.headers.iter().zip(&self.names).zip(rooms).take(received) {
            let notes = Notes::read(&header.msg_hdr);
            if let Some(dropped) = notes.dropped {
                counters.kernel_dropped.add(u64::from(socket.note_dropped(dropped)));
            }
            let truncated = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
            let remote = name.get().filter(|remote| !truncated && remote.port() != 0);
            let len = usize::try_from(header.msg_len).unwrap_or_default();
            let (Some(remote), Some(payload)) = (remote, room.get_mut(..len)) else {
                counters.receive_dropped.add(1);
                continue;
            };
            let segment = notes.segment.unwrap_or(len).max(1);
            counters.bytes_in.add_len(len);
            counters.datagrams_in.add_len(len.div_ceil(segment));
            payload.chunks_mut(segment).for_each(|datagram| each(remote, datagram));
        }
    }

    fn call(&mut self, socket: &Socket) -> io::Result<usize> {
        self.point();
        let vlen = self.headers.len() as libc::c_uint;
        // SAFETY: `headers` holds `vlen` headers, and what they point to is alive, not otherwise borrowed, and as
        // long as they say (see `point`). No timeout is given.
        let received = unsafe { libc::recvmmsg(socket.fd(), self.headers.as_mut_ptr(), vlen, 0, std::ptr::null_mut()) };
        usize::try_from(received).map_err(|_| io::Error::last_os_error())
    }

    /// Points the headers at the buffers. Done for each call: the kernel overwrites lengths, and pointers made
    /// anew are never stale.
    fn point(&mut self) {
        self.iovecs.clear();
        self.headers.clear();
        for room in self.bytes.chunks_exact_mut(MESSAGE_STRIDE) {
            self.iovecs.push(libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: MESSAGE_BYTES });
        }
        for ((iovec, name), control) in self.iovecs.iter_mut().zip(&mut self.names).zip(&mut self.controls) {
            // SAFETY: the header is integers and pointers, for which all zeros is a value.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_name = name.as_mut_ptr();
            header.msg_hdr.msg_namelen = RAW_ADDRESS_BYTES;
            header.msg_hdr.msg_iov = iovec;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL_BYTES as _;
            self.headers.push(header);
        }
    }
}

fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// What the kernel notes beside a message.
#[derive(Clone, Copy, Default)]
struct Notes {
    /// Length of each of the joined datagrams but the last.
    segment: Option<usize>,
    /// Datagrams that the socket dropped so far, wraps.
    dropped: Option<u32>,
}

impl Notes {
    fn read(header: &libc::msghdr) -> Self {
        let mut notes = Self::default();
        // SAFETY: the kernel filled `msg_control` and set `msg_controllen`; the buffer is alive.
        let mut at = unsafe { libc::CMSG_FIRSTHDR(header) };
        while !at.is_null() {
            // SAFETY: `at` is not null, so it points at a whole control message header within the buffer.
            let control = unsafe { &*at };
            match (control.cmsg_level, control.cmsg_type) {
                (libc::SOL_UDP, libc::UDP_GRO) => notes.segment = usize::try_from(number::<libc::c_int>(at)).ok(),
                (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => notes.dropped = Some(number(at)),
                _ => {}
            }
            // SAFETY: as for the first; `at` came from the same header.
            at = unsafe { libc::CMSG_NXTHDR(header, at) };
        }
        notes
    }
}

/// The 32-bit number that a control message carries.
fn number<T: Copy>(control: *const libc::cmsghdr) -> T {
    const { assert!(size_of::<T>() == 4) };
    // SAFETY: the caller found the type of a message whose data the kernel defines as four bytes, any of which
    // make a value of the integer type asked for; it need not be aligned.
    unsafe { libc::CMSG_DATA(control).cast::<T>().read_unaligned() }
}
