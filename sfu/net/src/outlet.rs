//! Sends a turn's datagrams: many destinations to a call (`sendmmsg`), many datagrams to a destination
//! (`UDP_SEGMENT`).

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use door::Datagrams;
use door::datagrams::Segment;

use crate::address::RawAddress;
use crate::counters::Counters;
use crate::runs::{RUN_SEGMENTS_MAX, Run, Runs};
use crate::socket::Socket;

/// Runs in one call. More does not make it cheaper.
const BATCH_RUNS: usize = 64;

/// How long one flush may wait for room in a full socket before it drops: no longer than media can bear.
const FULL_WAIT_MAX: Duration = Duration::from_millis(2);

/// Bytes of one control message that carries a segment size.
// SAFETY: the function only computes.
const CONTROL_BYTES: usize = unsafe { libc::CMSG_SPACE(size_of::<u16>() as libc::c_uint) } as usize;

/// A control message, aligned as the kernel wants it.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_BYTES]);

/// The buffers of one thread.
pub(crate) struct Outlet {
    runs: Runs,
    /// Indices into `runs` of the batch under way.
    batch: Vec<usize>,
    names: Vec<RawAddress>,
    controls: Vec<Control>,
    iovecs: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    /// Bound addresses, and whether runs may be joined, by socket.
    sockets: Vec<(SocketAddr, bool)>,
}

impl Outlet {
    pub(crate) fn new() -> Self {
        Self {
            runs: Runs::default(),
            batch: Vec::with_capacity(BATCH_RUNS),
            names: Vec::with_capacity(BATCH_RUNS),
            controls: Vec::with_capacity(BATCH_RUNS),
            iovecs: Vec::with_capacity(BATCH_RUNS * RUN_SEGMENTS_MAX),
            headers: Vec::with_capacity(BATCH_RUNS),
            sockets: Vec::new(),
        }
    }

    /// Sends `datagrams`; what cannot be sent is counted and forgotten.
    pub(crate) fn flush(&mut self, sockets: &[Socket], datagrams: &Datagrams, counters: &Counters) {
        if datagrams.is_empty() {
            return;
        }
        self.sockets.clear();
        self.sockets.extend(sockets.iter().map(|socket| (socket.local(), socket.segments())));
        let unroutable = self.runs.plan(datagrams.segments(), &self.sockets);
        counters.send_unroutable.add_len(unroutable);
        let mut patience = Patience::default();
        for (index, socket) in sockets.iter().enumerate() {
            self.flush_socket(index, socket, datagrams, counters, &mut patience);
        }
    }

    fn flush_socket(
        &mut self,
        index: usize,
        socket: &Socket,
        datagrams: &Datagrams,
        counters: &Counters,
        patience: &mut Patience,
    ) {
        let mut from = 0;
        loop {
            let ours = self.runs.runs().iter().enumerate().skip(from).filter(|(_, run)| run.socket == index);
            self.batch.clear();
            self.batch.extend(ours.map(|(run, _)| run).take(BATCH_RUNS));
            let Some(last) = self.batch.last() else { return };
            from = last + 1;
            self.point(datagrams);
            self.send_batch(socket, datagrams, counters, patience);
        }
    }

    /// Sends the headers of one batch, going on behind whatever cannot be sent.
    fn send_batch(&mut self, socket: &Socket, datagrams: &Datagrams, counters: &Counters, patience: &mut Patience) {
        let mut at = 0;
        while let Some(run) = self.batch.get(at).and_then(|run| self.runs.runs().get(*run)).copied() {
            let error = match send(socket, self.headers.get_mut(at..).unwrap_or_default()) {
                Ok(sent) => {
                    let sent = sent.max(1);
                    self.count_sent(at, sent, counters);
                    at += sent;
                    continue;
                }
                Err(error) => error,
            };
            match Verdict::of(&error, run.count > 1, patience, socket) {
                Verdict::Again => continue,
                Verdict::Singly => {
                    counters.offload_refused.add(1);
                    self.send_singly(&run, socket, datagrams, counters, patience);
                }
                Verdict::Full => counters.send_full.add_len(run.count),
                Verdict::Refused => counters.send_refused.add_len(run.count),
            }
            at += 1;
        }
    }

    fn count_sent(&self, from: usize, sent: usize, counters: &Counters) {
        counters.send_calls.add(1);
        let runs = self.batch.iter().skip(from).take(sent).filter_map(|run| self.runs.runs().get(*run));
        let (count, bytes) = runs.fold((0, 0), |(count, bytes), run| (count + run.count, bytes + run.bytes()));
        counters.datagrams_out.add_len(count);
        counters.bytes_out.add_len(bytes);
    }

    /// Sends a run without the kernel's help in splitting it.
    fn send_singly(
        &self,
        run: &Run,
        socket: &Socket,
        datagrams: &Datagrams,
        counters: &Counters,
        patience: &mut Patience,
    ) {
        for index in self.runs.members(run) {
            let Some(datagram) = datagrams.segments().get(index).and_then(|segment| content(datagrams, segment)) else {
                continue;
            };
            loop {
                let Err(error) = send_one(socket, &run.remote, datagram) else {
                    counters.send_calls.add(1);
                    counters.datagrams_out.add(1);
                    counters.bytes_out.add_len(datagram.len());
                    break;
                };
                match Verdict::of(&error, false, patience, socket) {
                    Verdict::Again => continue,
                    Verdict::Full => counters.send_full.add(1),
                    Verdict::Refused | Verdict::Singly => counters.send_refused.add(1),
                }
                break;
            }
        }
    }

    /// Fills the buffers with the batch and points the headers at them. The vectors never grow beyond the room they
    /// were made with, and pointers are taken only when they are full.
    fn point(&mut self, datagrams: &Datagrams) {
        self.names.clear();
        self.controls.clear();
        self.iovecs.clear();
        self.headers.clear();
        for run in self.batch.iter().filter_map(|run| self.runs.runs().get(*run)) {
            let (name, name_len) = RawAddress::new(&run.remote);
            let first = self.iovecs.len();
            for segment in self.runs.members(run).filter_map(|index| datagrams.segments().get(index)) {
                gather(&mut self.iovecs, first, content(datagrams, segment).unwrap_or_default());
            }
            // SAFETY: the header is integers and pointers, for which all zeros is a value.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            header.msg_hdr.msg_namelen = name_len;
            header.msg_hdr.msg_iovlen = (self.iovecs.len() - first) as _;
            header.msg_hdr.msg_controllen = if run.count > 1 { CONTROL_BYTES } else { 0 } as _;
            self.names.push(name);
            self.controls.push(Control([0; CONTROL_BYTES]));
            self.headers.push(header);
        }
        let mut iovecs = self.iovecs.as_mut_slice();
        let runs = self.batch.iter().filter_map(|run| self.runs.runs().get(*run));
        let rooms = self.headers.iter_mut().zip(&mut self.names).zip(&mut self.controls);
        for (((header, name), control), run) in rooms.zip(runs) {
            let pieces: usize = header.msg_hdr.msg_iovlen as _;
            let (ours, rest) = std::mem::take(&mut iovecs).split_at_mut(pieces);
            iovecs = rest;
            header.msg_hdr.msg_name = name.as_mut_ptr();
            header.msg_hdr.msg_iov = ours.as_mut_ptr();
            if run.count > 1 {
                header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
                write_segment_size(&mut header.msg_hdr, run.segment_bytes);
            }
        }
    }
}

/// A datagram's bytes.
fn content<'d>(datagrams: &'d Datagrams, segment: &Segment) -> Option<&'d [u8]> {
    datagrams.bytes().get(segment.range.clone())
}

/// Adds `bytes` to the pieces from `first` on; a piece that goes on where the last one ended makes it longer.
fn gather(iovecs: &mut Vec<libc::iovec>, first: usize, bytes: &[u8]) {
    let start = bytes.as_ptr().cast_mut().cast::<libc::c_void>();
    let last = iovecs.get_mut(first..).and_then(<[_]>::last_mut);
    match last.filter(|last| last.iov_base.wrapping_byte_add(last.iov_len) == start) {
        Some(last) => last.iov_len += bytes.len(),
        None => iovecs.push(libc::iovec { iov_base: start, iov_len: bytes.len() }),
    }
}

/// Writes the one control message, for which `header` has room.
fn write_segment_size(header: &mut libc::msghdr, segment_bytes: usize) {
    // A run's segment is far below 64 KiB, or it would not have company.
    let size = u16::try_from(segment_bytes).unwrap_or(u16::MAX);
    // SAFETY: `msg_control` points at CONTROL_BYTES of room and `msg_controllen` says so.
    let control = unsafe { libc::CMSG_FIRSTHDR(header) };
    if control.is_null() {
        return;
    }
    // SAFETY: the room is aligned for the header and has space for it and two bytes of data behind it.
    unsafe {
        (*control).cmsg_level = libc::SOL_UDP;
        (*control).cmsg_type = libc::UDP_SEGMENT;
        (*control).cmsg_len = libc::CMSG_LEN(size_of::<u16>() as libc::c_uint) as _;
        libc::CMSG_DATA(control).cast::<u16>().write_unaligned(size);
    }
}

fn send(socket: &Socket, headers: &mut [libc::mmsghdr]) -> io::Result<usize> {
    let vlen = headers.len() as libc::c_uint;
    // SAFETY: `headers` holds `vlen` headers, and all that they point to outlives the call: names, control messages
    // and pieces lie in the outlet, the bytes in the datagrams that the caller borrows.
    let sent = unsafe { libc::sendmmsg(socket.fd(), headers.as_mut_ptr(), vlen, 0) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

fn send_one(socket: &Socket, remote: &SocketAddr, datagram: &[u8]) -> io::Result<()> {
    let (mut name, name_len) = RawAddress::new(remote);
    let name = name.as_mut_ptr().cast_const().cast();
    // SAFETY: both pointers are to borrowed values of the lengths given.
    let sent = unsafe { libc::sendto(socket.fd(), datagram.as_ptr().cast(), datagram.len(), 0, name, name_len) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// What to do about a message that was not sent.
enum Verdict {
    /// Try it again.
    Again,
    /// Send its datagrams one by one.
    Singly,
    /// Drop it, for want of room.
    Full,
    /// Drop it.
    Refused,
}

impl Verdict {
    fn of(error: &io::Error, is_joined: bool, patience: &mut Patience, socket: &Socket) -> Self {
        match error.raw_os_error() {
            Some(libc::EINTR) => Self::Again,
            Some(libc::EAGAIN) if patience.wait(socket) => Self::Again,
            Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => Self::Full,
            // What an earlier datagram met with was told in place of sending this one; once is enough.
            Some(libc::ECONNREFUSED) if patience.forgive() => Self::Again,
            Some(libc::EIO) if is_joined => {
                socket.give_up_segments();
                Self::Singly
            }
            // This path's packets are shorter, or this run is at fault: others may still be joined.
            Some(libc::EINVAL | libc::EMSGSIZE | libc::EOPNOTSUPP) if is_joined => Self::Singly,
            _ => Self::Refused,
        }
    }
}

/// How much waiting and repeating is left to one flush.
#[derive(Default)]
struct Patience {
    until: Option<Instant>,
    forgiven: usize,
}

impl Patience {
    /// Waits for room in the socket; false when the time is used up.
    fn wait(&mut self, socket: &Socket) -> bool {
        let now = Instant::now();
        let left = self.until.get_or_insert(now + FULL_WAIT_MAX).saturating_duration_since(now);
        if left.is_zero() {
            return false;
        }
        let mut poll = libc::pollfd { fd: socket.fd(), events: libc::POLLOUT, revents: 0 };
        // SAFETY: the one descriptor lives through the call.
        unsafe { libc::poll(&mut poll, 1, 1) };
        true
    }

    fn forgive(&mut self) -> bool {
        self.forgiven += 1;
        self.forgiven <= BATCH_RUNS
    }
}
