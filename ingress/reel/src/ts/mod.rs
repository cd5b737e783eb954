//! MPEG-TS (ISO/IEC 13818-1) with H.264 and AAC: one program, its first picture and its first sound that are understood.

mod adts;
mod pes;
mod picture;
mod section;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use rtmp::{AudioCodec, AudioUnit, Event};

use crate::Fault;
use crate::clock::{Clock, Medium};
use crate::limits::{RESYNC_BYTES_MAX, SOUND_BYTES_MAX, VIDEO_BYTES_MAX};
use adts::Adts;
use pes::{Packet, Pes, Ticks};
use picture::Picture;
use section::{Section, Streams};

/// Bytes of a packet.
pub(crate) const PACKET_BYTES: usize = 188;
/// How each begins.
pub(crate) const SYNC: u8 = 0x47;
/// Where the table of programs stands.
const PROGRAMS_PID: u16 = 0;

/// Bytes in, events out.
#[derive(Debug, Default)]
pub(crate) struct TsReader {
    /// The beginning of a packet.
    held: Vec<u8>,
    /// Bytes passed over since the last packet.
    lost: usize,
    programs: Section,
    program: Section,
    program_pid: Option<u16>,
    streams: Streams,
    video: Pes,
    audio: Pes,
    picture: Picture,
    sound: Adts,
    ticks: Ticks,
    events: VecDeque<Event>,
}

impl TsReader {
    /// The stream begins anew, or another piece of it does: what is unfinished is finished.
    pub(crate) fn finish(&mut self, clock: &mut Clock) -> Result<(), Fault> {
        self.held.clear();
        self.lost = 0;
        if let Some(video) = self.video.take() {
            self.shown(&video, clock);
        }
        match self.audio.take() {
            Some(audio) => self.heard(&audio, clock),
            None => Ok(()),
        }
    }

    /// Takes bytes from the front of `input` up to the next event.
    pub(crate) fn receive(&mut self, input: &mut &[u8], clock: &mut Clock) -> Result<Option<Event>, Fault> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if self.held.is_empty() && !self.align(input)? {
                return Ok(None);
            }
            if let (true, Some((packet, rest))) = (self.held.is_empty(), input.split_at_checked(PACKET_BYTES)) {
                *input = rest;
                self.packet(packet, clock)?;
                continue;
            }
            let (fresh, rest) = input.split_at((PACKET_BYTES - self.held.len()).min(input.len()));
            self.held.extend_from_slice(fresh);
            *input = rest;
            if self.held.len() < PACKET_BYTES {
                return Ok(None);
            }
            let packet = std::mem::take(&mut self.held);
            self.packet(&packet, clock)?;
        }
    }

    /// Passes over what is before the next packet; false when nothing is left.
    fn align(&mut self, input: &mut &[u8]) -> Result<bool, Fault> {
        let at = input.iter().position(|&byte| byte == SYNC).unwrap_or(input.len());
        *input = input.get(at..).unwrap_or_default();
        self.lost += at;
        if self.lost > RESYNC_BYTES_MAX { Err(Fault::Broken("MPEG-TS")) } else { Ok(!input.is_empty()) }
    }

    fn packet(&mut self, packet: &[u8], clock: &mut Clock) -> Result<(), Fault> {
        let &[_, a, b, control, ref rest @ ..] = packet else { return Ok(()) };
        self.lost = 0;
        let (is_damaged, starts) = (a & 0x80 != 0, a & 0x40 != 0);
        let pid = u16::from_be_bytes([a & 0x1f, b]);
        let payload = match control >> 4 & 3 {
            1 => rest,
            3 => rest.split_first().and_then(|(&len, rest)| rest.get(usize::from(len)..)).unwrap_or_default(),
            _ => &[],
        };
        if is_damaged || payload.is_empty() {
            return Ok(());
        }
        if pid == PROGRAMS_PID {
            let found = self.programs.take(starts, payload).and_then(section::program_pid);
            self.program_pid = found.or(self.program_pid);
        } else if Some(pid) == self.program_pid {
            if let Some(table) = self.program.take(starts, payload) {
                self.streams = section::streams(table)?.unwrap_or(self.streams);
            }
        } else if Some(pid) == self.streams.video || Some(pid) == self.streams.audio {
            if control & 0xc0 != 0 {
                return Err(Fault::Encrypted);
            }
            self.media(pid, starts, payload, clock)?;
        }
        Ok(())
    }

    fn media(&mut self, pid: u16, starts: bool, payload: &[u8], clock: &mut Clock) -> Result<(), Fault> {
        if Some(pid) == self.streams.video {
            for packet in self.video.push(starts, payload, VIDEO_BYTES_MAX)?.into_iter().flatten() {
                self.shown(&packet, clock);
            }
        } else {
            for packet in self.audio.push(starts, payload, SOUND_BYTES_MAX)?.into_iter().flatten() {
                self.heard(&packet, clock)?;
            }
        }
        Ok(())
    }

    fn shown(&mut self, bytes: &[u8], clock: &mut Clock) {
        // A picture without a time belongs nowhere.
        let Some(Packet { pts: Some(pts), dts, data }) = Packet::parse(bytes) else { return };
        let dts = self.ticks.place(dts.unwrap_or(pts));
        let later = self.ticks.beside(pts, dts);
        self.picture.take(data, pes::ms(dts), pes::ms(dts.saturating_add(later)), clock, &mut self.events);
    }

    fn heard(&mut self, bytes: &[u8], clock: &mut Clock) -> Result<(), Fault> {
        let Some(Packet { pts, data, .. }) = Packet::parse(bytes) else { return Ok(()) };
        let pts = pts.map(|pts| self.ticks.place(pts));
        let (events, mut frame) = (&mut self.events, |ticks, data| {
            let pts_ms = clock.place(Medium::Audio, pes::ms(ticks));
            Event::Audio(AudioUnit { codec: AudioCodec::Aac, pts_ms, data })
        });
        self.sound.take(pts, data, |told| {
            events.push_back(match told {
                adts::Told::Config(config) => Event::AudioConfig(config),
                adts::Told::Frame(ticks, data) => frame(ticks, data),
            });
        })
    }
}
