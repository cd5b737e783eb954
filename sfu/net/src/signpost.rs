//! Lets the kernel hand a datagram that names its shard to that shard's own socket (`SO_ATTACH_REUSEPORT_CBPF`), where
//! several share a port. All others go where the hash of their addresses says.

use std::io;
use std::os::fd::RawFd;

use libc::sock_filter as Step;

/// The verdict for a datagram that names no shard: no socket has this index, so that the kernel takes its hash.
const BY_HASH: u32 = u32::MAX;

/// How many hexadecimal digits name a shard.
const DIGITS: u32 = 4;

/// How to read a datagram's shard off its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Signpost {
    /// What such a datagram has at fixed places.
    pub marks: &'static [Mark],
    /// Where four lower-case hexadecimal digits name the shard.
    pub digits_at: u32,
}

/// Two bytes at a fixed place.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// Distance from the beginning of the payload, in bytes.
    pub at: u32,
    /// Both bytes, the first one high.
    pub value: u16,
}

impl Signpost {
    /// Teaches it to the sockets that share the port of `fd`. Their indices are the order in which they were bound.
    ///
    /// # Errors
    /// When the system does not know the option, or the socket shares no port.
    pub(crate) fn teach(&self, fd: RawFd) -> io::Result<()> {
        let mut steps = self.steps();
        let len = u16::try_from(steps.len()).map_err(io::Error::other)?;
        let program = libc::sock_fprog { len, filter: steps.as_mut_ptr() };
        let size = size_of::<libc::sock_fprog>() as libc::socklen_t;
        // SAFETY: the program and its steps live through the call, which copies them; their true sizes are given.
        let result = unsafe {
            libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_ATTACH_REUSEPORT_CBPF, (&raw const program).cast(), size)
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// The program, in the kernel's classic instructions. Whatever reads beyond the end would choose socket 0, hence the
    /// first test.
    fn steps(&self) -> Vec<Step> {
        let mut steps = vec![
            step(libc::BPF_LD | libc::BPF_W | libc::BPF_LEN, 0),
            skip_one_if(libc::BPF_JGE, self.digits_at + DIGITS),
            step(libc::BPF_RET | libc::BPF_K, BY_HASH),
        ];
        for mark in self.marks {
            steps.extend([
                step(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, mark.at),
                skip_one_if(libc::BPF_JEQ, mark.value.into()),
                step(libc::BPF_RET | libc::BPF_K, BY_HASH),
            ]);
        }
        steps.extend([step(libc::BPF_LD | libc::BPF_IMM, 0), step(libc::BPF_ST, 0)]);
        for at in (0..DIGITS).map(|digit| self.digits_at + digit) {
            steps.extend([
                step(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, at),
                skip_one_if(libc::BPF_JGE, u32::from(b'a')),
                // '0' becomes what 'a' minus ten less is, so that one subtraction serves both.
                step(libc::BPF_ALU | libc::BPF_ADD | libc::BPF_K, u32::from(b'a') - 10 - u32::from(b'0')),
                step(libc::BPF_ALU | libc::BPF_SUB | libc::BPF_K, u32::from(b'a') - 10),
                step(libc::BPF_MISC | libc::BPF_TAX, 0),
                step(libc::BPF_LD | libc::BPF_MEM, 0),
                step(libc::BPF_ALU | libc::BPF_LSH | libc::BPF_K, 4),
                step(libc::BPF_ALU | libc::BPF_OR | libc::BPF_X, 0),
                step(libc::BPF_ST, 0),
            ]);
        }
        steps.push(step(libc::BPF_RET | libc::BPF_A, 0));
        steps
    }
}

fn step(code: u32, k: u32) -> Step {
    // All codes are below 256.
    Step { code: code as u16, jt: 0, jf: 0, k }
}

/// Skips the next step when the comparison with `k` holds.
fn skip_one_if(comparison: u32, k: u32) -> Step {
    Step { jt: 1, ..step(libc::BPF_JMP | comparison | libc::BPF_K, k) }
}
