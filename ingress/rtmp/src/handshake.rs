//! The simple handshake (RTMP 1.0 section 5.2) from the server's side.
//!
//! C2 is read and not looked at: clients in use (GStreamer's) do not echo S1 faithfully, and nothing depends on it.

use rand::Rng;

use crate::Fault;

/// The protocol version of plain RTMP.
const VERSION: u8 = 3;
/// Length of C1, C2, S1 and S2, in bytes.
pub(crate) const BLOCK_BYTES: usize = 1536;

/// How far it has come.
#[derive(Debug)]
pub(crate) struct Handshake {
    /// C0 and C1 as far as they have come.
    hello: Vec<u8>,
    /// Bytes of C2 that are still to come, once C1 was answered.
    echo_left: Option<usize>,
}

impl Handshake {
    pub(crate) fn new() -> Self {
        Self { hello: Vec::new(), echo_left: None }
    }

    /// Takes what belongs to the handshake from `input` and writes what is to be answered. True when it is done.
    pub(crate) fn receive(
        &mut self,
        input: &mut &[u8],
        output: &mut Vec<u8>,
        rng: &mut impl Rng,
    ) -> Result<bool, Fault> {
        if self.echo_left.is_none() {
            if !self.receive_hello(input)? {
                return Ok(false);
            }
            self.answer(output, rng);
        }
        let echo_left = self.echo_left.unwrap_or(BLOCK_BYTES);
        let taken = echo_left.min(input.len());
        *input = input.get(taken..).unwrap_or_default();
        self.echo_left = Some(echo_left - taken);
        Ok(echo_left == taken)
    }

    /// True when C0 and C1 are there.
    fn receive_hello(&mut self, input: &mut &[u8]) -> Result<bool, Fault> {
        let (taken, rest) = input.split_at((1 + BLOCK_BYTES - self.hello.len()).min(input.len()));
        self.hello.extend_from_slice(taken);
        *input = rest;
        match self.hello.first() {
            Some(&version) if version != VERSION => Err(Fault::PeerVersion(version)),
            _ => Ok(self.hello.len() == 1 + BLOCK_BYTES),
        }
    }

    /// S0, S1 and S2, only after the whole of C1: a stranger's few bytes bring out nothing. The zeros after S1's time say
    /// that no digests are spoken here.
    fn answer(&mut self, output: &mut Vec<u8>, rng: &mut impl Rng) {
        let mut block = [0; BLOCK_BYTES];
        rng.fill(&mut block[8..]);
        output.push(VERSION);
        output.extend_from_slice(&block);
        output.extend_from_slice(&self.hello[1..]);
        self.hello = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn answers_whole_hellos_only_and_takes_any_echo() {
        let mut rng = StdRng::seed_from_u64(1);
        let (mut handshake, mut output) = (Handshake::new(), Vec::new());
        let mut hello = vec![3];
        hello.extend((0..BLOCK_BYTES).map(|index| index as u8));
        for byte in &hello[..BLOCK_BYTES] {
            let mut input = std::slice::from_ref(byte);
            assert_eq!(handshake.receive(&mut input, &mut output, &mut rng), Ok(false));
            assert!(output.is_empty() && input.is_empty());
        }
        let mut rest = hello[BLOCK_BYTES..].to_vec();
        rest.extend([9; BLOCK_BYTES + 2]);
        let mut input = rest.as_slice();
        assert_eq!(handshake.receive(&mut input, &mut output, &mut rng), Ok(true));
        assert_eq!(input, [9, 9]);
        assert_eq!(output.len(), 1 + 2 * BLOCK_BYTES);
        assert_eq!(output[1 + BLOCK_BYTES..], hello[1..]);
        assert_eq!(output[5..9], [0; 4]);
    }

    #[test]
    fn refuses_other_protocols_at_the_first_byte() {
        let (mut handshake, mut output) = (Handshake::new(), Vec::new());
        let mut input = b"GET / HTTP/1.1".as_slice();
        let mut rng = StdRng::seed_from_u64(1);
        assert_eq!(handshake.receive(&mut input, &mut output, &mut rng), Err(Fault::PeerVersion(b'G')));
        assert!(output.is_empty());
    }
}
