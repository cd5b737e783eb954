//! Groups a turn's datagrams into runs that one call can send: same destination, equal length, in order.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;

use door::Protocol;
use door::datagrams::Segment;

/// Most datagrams in one run: what every kernel with `UDP_SEGMENT` takes.
pub(crate) const RUN_SEGMENTS_MAX: usize = 64;

/// Most bytes in one run: what an IP packet can say of its length, less generous room for headers.
pub(crate) const RUN_BYTES_MAX: usize = 65_000;

/// No segment follows.
const END: usize = usize::MAX;

/// Datagrams to one destination, all as long as the first but for the last, which may be shorter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Run {
    /// Index of the socket.
    pub(crate) socket: usize,
    pub(crate) remote: SocketAddr,
    /// Length of all but the last.
    pub(crate) segment_bytes: usize,
    pub(crate) count: usize,
    bytes: usize,
    first: usize,
    last: usize,
    /// The last is shorter: nothing can follow it.
    closed: bool,
}

/// The plan of one turn. Cleared, not freed.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    runs: Vec<Run>,
    /// The segment that follows each within its run.
    next: Vec<usize>,
    /// The run of each destination that may still grow.
    open: HashMap<(usize, SocketAddr), usize, Seed>,
}

impl Runs {
    /// Plans `segments` for `sockets`, each with its bound address and whether it may send a run at once. Gives the
    /// number of UDP segments that have no socket or no content.
    pub(crate) fn plan(&mut self, segments: &[Segment], sockets: &[(SocketAddr, bool)]) -> usize {
        self.runs.clear();
        self.next.clear();
        self.next.resize(segments.len(), END);
        self.open.clear();
        let mut unroutable = 0;
        for (index, segment) in segments.iter().enumerate() {
            // What goes by TCP is `streams`' to send.
            if segment.path.protocol == Protocol::Tcp {
                continue;
            }
            let found = sockets.iter().enumerate().find(|(_, (local, _))| *local == segment.path.local);
            match found.filter(|_| !segment.range.is_empty()) {
                Some((socket, (_, joins))) => self.add(index, segment, socket, *joins),
                None => unroutable += 1,
            }
        }
        unroutable
    }

    /// The runs in the order of their first datagrams, so that each destination's keep theirs.
    pub(crate) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Indices of a run's segments.
    pub(crate) fn members(&self, run: &Run) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(run.first), |index| self.next.get(*index).copied().filter(|next| *next != END))
    }

    fn add(&mut self, index: usize, segment: &Segment, socket: usize, joins: bool) {
        let (remote, len) = (segment.path.remote, segment.range.len());
        // A subscriber's packets stand in a row, so that the table is asked once for each row.
        if let Some(run) = self.runs.last_mut()
            && joins
            && run.remote == remote
            && run.socket == socket
            && run.takes(len)
        {
            if let Some(next) = self.next.get_mut(run.last) {
                *next = index;
            }
            return run.append(index, len);
        }
        if joins {
            let fresh = self.runs.len();
            let slot = self.open.entry((socket, remote)).or_insert(fresh);
            if let Some(run) = self.runs.get_mut(*slot).filter(|run| run.takes(len)) {
                if let Some(next) = self.next.get_mut(run.last) {
                    *next = index;
                }
                return run.append(index, len);
            }
            *slot = fresh;
        }
        let run =
            Run { socket, remote, segment_bytes: len, count: 1, bytes: len, first: index, last: index, closed: false };
        self.runs.push(run);
    }
}

impl Run {
    /// All datagrams' bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn takes(&self, len: usize) -> bool {
        !self.closed && len <= self.segment_bytes && self.count < RUN_SEGMENTS_MAX && self.bytes + len <= RUN_BYTES_MAX
    }

    fn append(&mut self, index: usize, len: usize) {
        self.last = index;
        self.count += 1;
        self.bytes += len;
        self.closed = len < self.segment_bytes;
    }
}

/// Begins hashes with a number that remote ends cannot know, since they choose the addresses that are hashed.
#[derive(Clone, Debug)]
struct Seed(u64);

impl Default for Seed {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0))
    }
}

impl BuildHasher for Seed {
    type Hasher = Folding;

    fn build_hasher(&self) -> Folding {
        Folding(self.0)
    }
}

/// A hash for short keys, several times cheaper than the standard one: multiply and fold.
struct Folding(u64);

impl Folding {
    fn fold(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| self.fold(u64::from_ne_bytes(*word)));
        let rest = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        self.fold(rest);
    }

    fn write_u16(&mut self, number: u16) {
        self.fold(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.fold(number.into());
    }

    fn write_usize(&mut self, number: usize) {
        self.fold(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.fold(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use door::{Datagrams, Path};
    use proptest::prelude::*;

    use super::*;

    /// Which socket, which remote port, how long.
    type Send = (usize, u16, usize);
    /// Name, what is sent, and the runs it makes.
    type Case = (&'static str, &'static [Send], &'static [&'static [usize]]);

    const LOCALS: [&str; 2] = ["10.0.0.1:1", "10.0.0.2:1"];

    fn sockets(joins: bool) -> Vec<(SocketAddr, bool)> {
        LOCALS.iter().map(|local| (local.parse().unwrap(), joins)).collect()
    }

    fn datagrams(sends: &[Send]) -> Datagrams {
        let mut datagrams = Datagrams::default();
        for (local, port, len) in sends {
            let local = LOCALS.get(*local).copied().unwrap_or("10.9.9.9:9").parse().unwrap();
            let remote = SocketAddr::from(([127, 0, 0, 1], *port));
            datagrams.push(Path { protocol: Protocol::Udp, local, remote }, &vec![0; *len]);
        }
        datagrams
    }

    fn planned(sends: &[Send], joins: bool) -> (Vec<Vec<usize>>, usize) {
        let mut runs = Runs::default();
        let unroutable = runs.plan(datagrams(sends).segments(), &sockets(joins));
        (runs.runs().iter().map(|run| runs.members(run).collect()).collect(), unroutable)
    }

    #[test]
    fn joins_what_may_be_joined() {
        let cases: [Case; 6] = [
            ("equal", &[(0, 1, 9), (0, 1, 9), (0, 1, 9)], &[&[0, 1, 2]]),
            ("the last is shorter", &[(0, 1, 9), (0, 1, 8), (0, 1, 8)], &[&[0, 1], &[2]]),
            ("longer begins another", &[(0, 1, 8), (0, 1, 9), (0, 1, 9)], &[&[0], &[1, 2]]),
            ("across others", &[(0, 1, 9), (0, 2, 9), (0, 1, 9), (0, 2, 9)], &[&[0, 2], &[1, 3]]),
            ("another socket", &[(0, 1, 9), (1, 1, 9)], &[&[0], &[1]]),
            ("no socket, nothing to send", &[(2, 1, 9), (0, 1, 0), (0, 1, 9)], &[&[2]]),
        ];
        for (name, sends, expected) in cases {
            assert_eq!(planned(sends, true).0, expected, "{name}");
        }
        assert_eq!(planned(&[(0, 1, 9), (0, 1, 9)], false).0, [[0], [1]]);
        assert_eq!(planned(&[(2, 1, 9), (0, 1, 0)], true).1, 2);
    }

    #[test]
    fn runs_are_bounded() {
        let (runs, _) = planned(&[(0, 1, 10); RUN_SEGMENTS_MAX + 1], true);
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [RUN_SEGMENTS_MAX, 1]);
        let (runs, _) = planned(&[(0, 1, 1500); 50], true);
        assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [43, 7]);
    }

    proptest! {
        #[test]
        fn keeps_all_and_each_destinations_order(
            sends in proptest::collection::vec((0usize..2, 1u16..5, 1usize..4), 0..300),
        ) {
            let (runs, unroutable) = planned(&sends, true);
            prop_assert_eq!(unroutable, 0);
            let sent: Vec<usize> = runs.concat();
            prop_assert_eq!(sent.len(), sends.len());
            for destination in (0..2).flat_map(|local| (1..5).map(move |port| (local, port))) {
                let ours = |index: &usize| (sends[*index].0, sends[*index].1) == destination;
                prop_assert!(sent.iter().copied().filter(ours).is_sorted());
            }
            for run in runs {
                let lens: Vec<_> = run.iter().map(|index| sends[*index].2).collect();
                let (last, others) = lens.split_last().unwrap();
                prop_assert!(others.iter().all(|len| *len == lens[0]) && *last <= lens[0]);
            }
        }
    }
}
