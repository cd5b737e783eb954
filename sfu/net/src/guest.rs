//! Sockets of the other side: what a load tester needs to play thousands of remote ends on one thread.
//!
//! On loopback one socket stands for as many local addresses as one likes (`IP_PKTINFO`), so that a handful of
//! sockets is read for all of them; elsewhere each end has a socket of its own.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use door::datagrams::Segment;
use door::{Datagrams, Path};

use crate::address::{RAW_ADDRESS_BYTES, RawAddress};
use crate::runs::{RUN_BYTES_MAX, RUN_SEGMENTS_MAX};
use crate::socket::{Socket, set};

/// Messages in one call.
const BATCH_MESSAGES: usize = 64;
/// Room for one message: joined datagrams are at most 64 KiB.
const MESSAGE_BYTES: usize = 65_536;
/// Room for the control messages of one arrival: local address, segment size, time, drops.
const CONTROL_BYTES: usize = 128;

/// Control messages, aligned as the kernel wants them.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_BYTES]);

/// What arrived at once from one remote end at one of our addresses.
#[derive(Debug)]
pub struct Arrival<'a> {
    /// Our address.
    pub local: SocketAddr,
    /// Theirs.
    pub remote: SocketAddr,
    /// When the kernel got it, nanoseconds since 1970, where it tells.
    pub at_ns: Option<u64>,
    /// Length of each of the joined datagrams but the last.
    pub segment_bytes: usize,
    /// The datagrams, back to back.
    pub bytes: &'a mut [u8],
}

/// Counters of all sockets together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GuestCounts {
    /// Messages received; joined datagrams are one.
    pub messages_in: u64,
    /// Datagrams that the kernel dropped because they were not read in time.
    pub kernel_dropped: u64,
    /// Datagrams sent.
    pub datagrams_out: u64,
    /// Datagrams that could not be sent.
    pub send_failed: u64,
}

/// The sockets and the buffers that they share.
pub struct GuestSockets {
    sockets: Vec<GuestSocket>,
    by_port: HashMap<u16, usize>,
    bytes: Vec<u8>,
    names: Vec<RawAddress>,
    controls: Vec<Control>,
    iovecs: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    counts: GuestCounts,
    offload: bool,
}

struct GuestSocket {
    socket: Socket,
    /// Bound to no address in particular: each datagram names its own.
    any: bool,
}

impl Default for GuestSockets {
    fn default() -> Self {
        Self {
            sockets: Vec::new(),
            by_port: HashMap::new(),
            bytes: vec![0; BATCH_MESSAGES * MESSAGE_BYTES],
            names: vec![RawAddress::zeroed(); BATCH_MESSAGES],
            controls: vec![Control([0; CONTROL_BYTES]); BATCH_MESSAGES],
            iovecs: Vec::with_capacity(BATCH_MESSAGES),
            headers: Vec::with_capacity(BATCH_MESSAGES),
            counts: GuestCounts::default(),
            offload: true,
        }
    }
}

impl GuestSockets {
    /// Opens a socket with a port that the system chooses. Bound to `0.0.0.0` it stands for every IPv4 address of this
    /// machine.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn open(&mut self, ip: IpAddr, buffer_bytes: i32) -> io::Result<SocketAddr> {
        let socket = Socket::open(SocketAddr::new(ip, 0), false, true)?;
        let any = ip == IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        if any {
            set(socket.fd(), libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
        }
        // Comforts: without them bursts may be lost and arrivals are stamped by the reader.
        let _ = set(socket.fd(), libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, buffer_bytes);
        let _ = set(socket.fd(), libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1);
        let local = socket.local();
        self.by_port.insert(local.port(), self.sockets.len());
        self.sockets.push(GuestSocket { socket, any });
        Ok(local)
    }

    /// Whether neighbours of one path and length may go as one message; they may at first.
    pub fn set_offload(&mut self, offload: bool) {
        self.offload = offload;
    }

    /// Number of sockets.
    pub fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// What was counted so far.
    pub fn counts(&self) -> GuestCounts {
        self.counts
    }

    /// Receives one batch of the socket with that index, without waiting; true when there may be more.
    pub fn receive(&mut self, index: usize, mut each: impl FnMut(Arrival<'_>)) -> bool {
        let Some(guest) = self.sockets.get(index) else { return false };
        let (fd, bound) = (guest.socket.fd(), guest.socket.local());
        self.point();
        let vlen = self.headers.len() as libc::c_uint;
        // SAFETY: `headers` holds `vlen` headers, and what they point to is alive, not otherwise borrowed, and as
        // long as they say (see `point`). No timeout is given.
        let received = unsafe { libc::recvmmsg(fd, self.headers.as_mut_ptr(), vlen, 0, std::ptr::null_mut()) };
        let received = usize::try_from(received).unwrap_or_default();
        let rooms = self.bytes.chunks_exact_mut(MESSAGE_BYTES);
        for ((header, name), room) in self.headers.iter().zip(&self.names).zip(rooms).take(received) {
            let notes = Notes::read(&header.msg_hdr);
            if let (Some(dropped), Some(guest)) = (notes.dropped, self.sockets.get(index)) {
                self.counts.kernel_dropped += u64::from(guest.socket.note_dropped(dropped));
            }
            let len = usize::try_from(header.msg_len).unwrap_or_default();
            let (Some(remote), Some(bytes)) = (name.get(), room.get_mut(..len).filter(|bytes| !bytes.is_empty()))
            else {
                continue;
            };
            self.counts.messages_in += 1;
            let local = SocketAddr::new(notes.local.map_or(bound.ip(), IpAddr::V4), bound.port());
            let segment_bytes = notes.segment.unwrap_or(len).max(1);
            each(Arrival { local, remote, at_ns: notes.at_ns, segment_bytes, bytes });
        }
        received == BATCH_MESSAGES
    }

    /// Sends all of `datagrams` in order. Neighbours of one path and length go as one message; the path's local
    /// address says which socket, by its port. What cannot be sent is counted.
    pub fn send(&mut self, datagrams: &Datagrams) {
        let segments = datagrams.segments();
        let mut at = 0;
        while let Some(first) = segments.get(at) {
            let Some(&index) = self.by_port.get(&first.path.local.port()) else {
                self.counts.send_failed += 1;
                at += 1;
                continue;
            };
            let batch = self.batch(segments, at, index);
            self.send_batch(datagrams, &batch, index);
            at = batch.last().map_or(at + 1, |run| run.end);
        }
    }

    /// Runs from `at` on that go by the socket with this index, at most one call's worth.
    fn batch(&self, segments: &[Segment], at: usize, index: usize) -> Vec<std::ops::Range<usize>> {
        let joins = self.offload && self.sockets.get(index).is_some_and(|guest| guest.socket.segments());
        let mut runs = Vec::new();
        let mut next = at;
        while runs.len() < BATCH_MESSAGES {
            let ours = segments.get(next).and_then(|it| self.by_port.get(&it.path.local.port())) == Some(&index);
            if !ours {
                break;
            }
            let end = next + if joins { run_len(segments.get(next..).unwrap_or_default()) } else { 1 };
            runs.push(next..end);
            next = end;
        }
        runs
    }

    fn send_batch(&mut self, datagrams: &Datagrams, batch: &[std::ops::Range<usize>], index: usize) {
        let Some(guest) = self.sockets.get(index) else { return };
        self.iovecs.clear();
        self.headers.clear();
        for (run, (name, control)) in batch.iter().zip(self.names.iter_mut().zip(&mut self.controls)) {
            let Some(segments) = datagrams.segments().get(run.clone()) else { continue };
            let (Some(first), Some(last)) = (segments.first(), segments.last()) else { continue };
            let Some(bytes) = datagrams.bytes().get(first.range.start..last.range.end) else { continue };
            let iov_base = bytes.as_ptr().cast_mut().cast();
            self.iovecs.push(libc::iovec { iov_base, iov_len: bytes.len() });
            let (raw, name_len) = RawAddress::new(&first.path.remote);
            *name = raw;
            let segment = (run.len() > 1).then_some(first.range.len());
            // SAFETY: the header is integers and pointers, for which all zeros is a value.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_name = name.as_mut_ptr();
            header.msg_hdr.msg_namelen = name_len;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL_BYTES as _;
            write_notes(&mut header.msg_hdr, control, guest.any.then_some(first.path), segment);
            self.headers.push(header);
        }
        for (header, iovec) in self.headers.iter_mut().zip(&mut self.iovecs) {
            header.msg_hdr.msg_iov = iovec;
        }
        let mut at = 0;
        while let Some(rest) = self.headers.get_mut(at..).filter(|rest| !rest.is_empty()) {
            let vlen = rest.len() as libc::c_uint;
            // SAFETY: `rest` holds `vlen` headers; names, control messages and pieces lie in buffers of `self` that
            // nothing else touches here, the bytes in `datagrams`, which outlives the call.
            let sent = unsafe { libc::sendmmsg(guest.socket.fd(), rest.as_mut_ptr(), vlen, 0) };
            let taken = usize::try_from(sent).unwrap_or_default();
            let count = |runs: Option<&[std::ops::Range<usize>]>| {
                runs.unwrap_or_default().iter().map(|run| run.len() as u64).sum::<u64>()
            };
            self.counts.datagrams_out += count(batch.get(at..at + taken));
            if taken == 0 {
                // One that the kernel refuses must not hold up the others.
                self.counts.send_failed += count(batch.get(at..at + 1));
            }
            at += taken.max(1);
        }
    }

    fn point(&mut self) {
        self.iovecs.clear();
        self.headers.clear();
        for room in self.bytes.chunks_exact_mut(MESSAGE_BYTES) {
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

/// How many of the first segments may go as one message: one path, one length but for a shorter last one.
fn run_len(segments: &[Segment]) -> usize {
    let Some(first) = segments.first() else { return 0 };
    let (len, mut bytes, mut count) = (first.range.len(), first.range.len(), 1);
    for segment in segments.iter().skip(1).take(RUN_SEGMENTS_MAX - 1) {
        let own = segment.range.len();
        if segment.path != first.path || own > len || bytes + own > RUN_BYTES_MAX {
            break;
        }
        (bytes, count) = (bytes + own, count + 1);
        if own < len {
            break;
        }
    }
    count
}

/// Writes the local address and the segment size where they are given, and sets the length of the control messages.
fn write_notes(header: &mut libc::msghdr, control: &mut Control, from: Option<Path>, segment: Option<usize>) {
    let mut used = 0;
    if let Some(IpAddr::V4(ip)) = from.map(|path| path.local.ip()) {
        let source = libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) };
        let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: libc::in_addr { s_addr: 0 } };
        used += write_note(control, used, libc::IPPROTO_IP, libc::IP_PKTINFO, info);
    }
    if let Some(size) = segment.and_then(|size| u16::try_from(size).ok()) {
        used += write_note(control, used, libc::SOL_UDP, libc::UDP_SEGMENT, size);
    }
    header.msg_controllen = used as _;
}

/// Writes one control message at `at` and gives its length.
fn write_note<T: Copy>(control: &mut Control, at: usize, level: libc::c_int, kind: libc::c_int, value: T) -> usize {
    let data_bytes = size_of::<T>() as libc::c_uint;
    // SAFETY: both functions only compute.
    let (space, len) = unsafe { (libc::CMSG_SPACE(data_bytes) as usize, libc::CMSG_LEN(data_bytes)) };
    let Some(room) = control.0.get_mut(at..at + space) else { return 0 };
    room.fill(0);
    let note = room.as_mut_ptr().cast::<libc::cmsghdr>();
    // SAFETY: `room` has space for a header and the value; it is aligned for the header, since the buffer is and every
    // message's space is a multiple of eight. The value may stand unaligned.
    unsafe {
        (*note).cmsg_level = level;
        (*note).cmsg_type = kind;
        (*note).cmsg_len = len as _;
        libc::CMSG_DATA(note).cast::<T>().write_unaligned(value);
    }
    space
}

/// What the kernel notes beside a message.
#[derive(Clone, Copy, Default)]
struct Notes {
    local: Option<Ipv4Addr>,
    segment: Option<usize>,
    at_ns: Option<u64>,
    dropped: Option<u32>,
}

impl Notes {
    fn read(header: &libc::msghdr) -> Self {
        let mut notes = Self::default();
        // SAFETY: the kernel filled `msg_control` and set `msg_controllen`; the buffer is alive.
        let mut at = unsafe { libc::CMSG_FIRSTHDR(header) };
        while !at.is_null() {
            // SAFETY: `at` is not null, so it points at a whole control message header within the buffer.
            let (level, kind) = unsafe { ((*at).cmsg_level, (*at).cmsg_type) };
            // SAFETY: the kernel defines the data of each of these as a value of the type read, integers all; it need
            // not be aligned.
            unsafe {
                let data = libc::CMSG_DATA(at);
                match (level, kind) {
                    (libc::SOL_UDP, libc::UDP_GRO) => {
                        notes.segment = usize::try_from(data.cast::<libc::c_int>().read_unaligned()).ok();
                    }
                    (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                        let info = data.cast::<libc::in_pktinfo>().read_unaligned();
                        notes.local = Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()));
                    }
                    (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                        notes.at_ns = nanoseconds(data.cast::<libc::timespec>().read_unaligned());
                    }
                    (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                        notes.dropped = Some(data.cast::<u32>().read_unaligned());
                    }
                    _ => {}
                }
                // As for the first; `at` came from the same header.
                at = libc::CMSG_NXTHDR(header, at);
            }
        }
        notes
    }
}

fn nanoseconds(time: libc::timespec) -> Option<u64> {
    let seconds = u64::try_from(time.tv_sec).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(u64::try_from(time.tv_nsec).ok()?)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use door::Protocol;

    use super::*;

    const WAIT: std::time::Duration = std::time::Duration::from_secs(10);

    fn path(local: &str, port: u16, remote: SocketAddr) -> Path {
        Path { protocol: Protocol::Udp, local: SocketAddr::new(local.parse().unwrap(), port), remote }
    }

    #[test]
    fn one_socket_speaks_and_hears_as_many() {
        let mut guests = GuestSockets::default();
        let port = guests.open(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 1 << 20).unwrap().port();
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server.set_read_timeout(Some(WAIT)).unwrap();
        let remote = server.local_addr().unwrap();
        let mut out = Datagrams::default();
        for (local, text) in [("127.64.0.1", b"one"), ("127.64.0.2", b"two"), ("127.64.0.2", b"2nd")] {
            out.push(path(local, port, remote), text);
        }
        guests.send(&out);
        assert_eq!(guests.counts().datagrams_out, 3);
        let mut heard = Vec::new();
        for _ in 0..3 {
            let mut buffer = [0; 10];
            let (len, from) = server.recv_from(&mut buffer).unwrap();
            heard.push((from.ip().to_string(), buffer[..len].to_vec()));
            server.send_to(&buffer[..len], from).unwrap();
        }
        let expected = [("127.64.0.1", b"one"), ("127.64.0.2", b"two"), ("127.64.0.2", b"2nd")];
        assert_eq!(heard, expected.map(|(ip, text)| (ip.to_owned(), text.to_vec())));
        let mut back = Vec::new();
        while back.len() < 3 {
            guests.receive(0, |arrival| {
                assert_eq!(arrival.remote, remote);
                assert!(arrival.at_ns.is_some());
                back.push((arrival.local.ip().to_string(), arrival.bytes.to_vec()));
            });
        }
        assert_eq!(back, heard);
    }

    #[test]
    fn neighbours_of_one_path_and_length_go_together() {
        let remote = SocketAddr::from(([127, 0, 0, 1], 9));
        let mut out = Datagrams::default();
        for (local, len) in [("127.0.0.2", 5), ("127.0.0.2", 5), ("127.0.0.2", 4), ("127.0.0.2", 4), ("127.0.0.3", 4)] {
            out.push(path(local, 1, remote), &vec![0; len]);
        }
        let segments = out.segments();
        assert_eq!([0, 3, 4, 5].map(|at| run_len(&segments[at..])), [3, 1, 1, 0]);
    }
}
