//! The dependency descriptor, a header extension that tells which frame needs which, readable even where the payload is
//! encrypted (appendix A of the Alliance for Open Media's RTP payload format for AV1).
//!
//! A structure comes with key frames and describes kinds of frames as templates; every packet names a template. What a
//! structure may hold is bounded by its field widths; what this reader keeps of it is a copy of fixed size.

/// Templates of one structure: their ids have 6 bits.
pub const TEMPLATES_MAX: usize = 64;
/// Decode targets of one structure: their count has 5 bits.
pub const TARGETS_MAX: usize = 32;
/// Frames that one frame may need directly. AV1 has 8 references; a longer list is refused.
pub const NEEDS_MAX: usize = 8;

/// Bits of the part that every descriptor has.
const MANDATORY_BITS: usize = 24;
/// Bits of the flags that open the extended part.
const FLAG_BITS: usize = 5;
const STRUCTURE_FLAG: u32 = 0x10;
const ACTIVE_FLAG: u32 = 0x08;
const CUSTOM_INDICATIONS_FLAG: u32 = 0x04;
const CUSTOM_NEEDS_FLAG: u32 = 0x02;

/// What a frame is to one decode target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Indication {
    /// Not part of it.
    Absent,
    /// Part of it, and nothing of the target needs it.
    Discardable,
    /// Part of it; who can decode it can decode the target from there on.
    Switch,
    /// Part of it, and needed.
    Required,
}

/// What a frame is to every decode target: two bits each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Indications(u64);

impl Indications {
    /// What the frame is to `target`.
    pub fn of(self, target: u8) -> Indication {
        match self.0.checked_shr(2 * u32::from(target)).unwrap_or(0) & 3 {
            0 => Indication::Absent,
            1 => Indication::Discardable,
            2 => Indication::Switch,
            _ => Indication::Required,
        }
    }

    fn read(bits: &mut Bits<'_>, targets: u8) -> Option<Self> {
        let mut all = 0;
        for target in 0..targets {
            all |= u64::from(bits.take(2)?) << (2 * target);
        }
        Some(Self(all))
    }
}

/// The frames that a frame needs directly, by how many frames earlier they were numbered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Needs {
    /// Bit `n` stands for the frame `n + 1` before.
    pub recent: u64,
    /// Some are further back than that.
    pub older: bool,
}

impl Needs {
    fn add(&mut self, difference: u32) {
        match 1u64.checked_shl(difference.wrapping_sub(1)) {
            Some(bit) => self.recent |= bit,
            None => self.older = true,
        }
    }
}

/// The part that every descriptor has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head {
    /// A frame begins here.
    pub frame_start: bool,
    /// A frame ends here.
    pub frame_end: bool,
    /// Id of the template that describes the frame.
    pub template: u8,
    /// Counts frames.
    pub frame_number: u16,
    /// The descriptor brings a structure, which key frames do.
    pub has_structure: bool,
}

impl Head {
    /// Reads the extension's data; `None` when it is cut short.
    pub fn parse(data: &[u8]) -> Option<Self> {
        let head = data.first_chunk::<3>()?;
        Some(Self {
            frame_start: head[0] & 0x80 != 0,
            frame_end: head[0] & 0x40 != 0,
            template: head[0] & 0x3f,
            frame_number: u16::from_be_bytes([head[1], head[2]]),
            has_structure: data.get(3).is_some_and(|flags| flags & 0x80 != 0),
        })
    }

    /// Whether a key frame begins here.
    pub fn keyframe(&self) -> bool {
        self.frame_start && self.has_structure
    }
}

/// One kind of frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Template {
    /// Spatial layer.
    pub spatial: u8,
    /// Temporal layer.
    pub temporal: u8,
    /// What it is to the decode targets.
    pub indications: Indications,
    /// What it needs.
    pub needs: Needs,
}

/// The templates of a stream, valid until the next structure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Structure {
    first_id: u8,
    targets: u8,
    templates: [Template; TEMPLATES_MAX],
    count: usize,
    /// Bits of the descriptor that it came with, up to its end.
    end: usize,
}

impl Structure {
    /// Reads the structure in a descriptor; `None` when there is none or it contradicts itself.
    pub fn parse(data: &[u8]) -> Option<Self> {
        let mut bits = Bits { data, at: MANDATORY_BITS };
        if bits.take(FLAG_BITS)? & STRUCTURE_FLAG == 0 {
            return None;
        }
        let first_id = bits.take(6)? as u8;
        let targets = bits.take(5)? as u8 + 1;
        let mut structure =
            Self { first_id, targets, templates: [Template::default(); TEMPLATES_MAX], count: 0, end: 0 };
        let spatial_max = structure.read_layers(&mut bits)?;
        let count = structure.count;
        for template in structure.templates.iter_mut().take(count) {
            template.indications = Indications::read(&mut bits, targets)?;
        }
        for template in structure.templates.iter_mut().take(count) {
            template.needs = read_template_needs(&mut bits)?;
        }
        skip_chains(&mut bits, targets, count)?;
        if bits.take(1)? == 1 {
            for _ in 0..=spatial_max {
                bits.take(32)?;
            }
        }
        structure.end = bits.at;
        Some(structure)
    }

    fn read_layers(&mut self, bits: &mut Bits<'_>) -> Option<u8> {
        let (mut spatial, mut temporal) = (0, 0);
        loop {
            let template = self.templates.get_mut(self.count)?;
            (template.spatial, template.temporal) = (spatial, temporal);
            self.count += 1;
            match bits.take(2)? {
                0 => {}
                1 => temporal += 1,
                2 => (spatial, temporal) = (spatial + 1, 0),
                _ => return Some(spatial),
            }
        }
    }

    /// Number of decode targets, 1..=[`TARGETS_MAX`].
    pub fn targets(&self) -> u8 {
        self.targets
    }

    /// The templates in order of their ids.
    pub fn templates(&self) -> &[Template] {
        &self.templates[..self.count]
    }

    /// Highest spatial and temporal layer of a decode target: those of its frames.
    pub fn layers_of(&self, target: u8) -> (u8, u8) {
        let parts = self.templates().iter().filter(|it| it.indications.of(target) != Indication::Absent);
        parts.fold((0, 0), |(spatial, temporal), it| (spatial.max(it.spatial), temporal.max(it.temporal)))
    }

    /// What a descriptor tells of its frame by this structure; `None` for a template that is not in it, and for one that
    /// is cut short. A descriptor that brings a structure is to be described by that.
    pub fn describe(&self, data: &[u8]) -> Option<Description> {
        let head = Head::parse(data)?;
        let index = head.template.wrapping_sub(self.first_id) & 0x3f;
        let template = *self.templates().get(usize::from(index))?;
        let mut description = Description { index, template, active: head.has_structure.then_some(self.all_targets()) };
        if data.len() * 8 == MANDATORY_BITS {
            return Some(description);
        }
        let mut bits = Bits { data, at: MANDATORY_BITS };
        let flags = bits.take(FLAG_BITS)?;
        if head.has_structure {
            bits.at = self.end;
        }
        if flags & ACTIVE_FLAG != 0 {
            description.active = Some(bits.take(usize::from(self.targets))?);
        }
        if flags & CUSTOM_INDICATIONS_FLAG != 0 {
            description.template.indications = Indications::read(&mut bits, self.targets)?;
        }
        if flags & CUSTOM_NEEDS_FLAG != 0 {
            description.template.needs = read_custom_needs(&mut bits)?;
        }
        Some(description)
    }

    /// All decode targets as a set of bits.
    pub fn all_targets(&self) -> u32 {
        u32::MAX >> (TARGETS_MAX as u8 - self.targets)
    }

    /// Copies a descriptor to `out` and says in it that only `active` decode targets go on: a receiver then misses none of
    /// the others' frames. The length, or `None` when it does not fit or cannot be read.
    pub fn write_active(&self, data: &[u8], active: u32, out: &mut [u8]) -> Option<usize> {
        let head = Head::parse(data)?;
        let mut from = Bits { data, at: MANDATORY_BITS };
        let flags = if data.len() * 8 == MANDATORY_BITS { 0 } else { from.take(FLAG_BITS)? };
        let mut to = BitWriter { out, at: 0 };
        to.copy(data, 0..MANDATORY_BITS)?;
        to.put(flags | ACTIVE_FLAG, FLAG_BITS)?;
        if head.has_structure {
            let end = Self::parse(data)?.end;
            to.copy(data, from.at..end)?;
            from.at = end;
        }
        to.put(active, usize::from(self.targets))?;
        if flags & ACTIVE_FLAG != 0 {
            from.at += usize::from(self.targets);
        }
        if flags & 0x07 != 0 {
            to.copy(data, from.at..data.len() * 8)?;
        }
        Some(to.at.div_ceil(8))
    }
}

/// What is known of one frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Description {
    /// Place of its template in the structure.
    pub index: u8,
    /// The template with what the descriptor changes of it.
    pub template: Template,
    /// The decode targets that go on, a bit each, where the descriptor tells.
    pub active: Option<u32>,
}

fn read_template_needs(bits: &mut Bits<'_>) -> Option<Needs> {
    let mut needs = Needs::default();
    for _ in 0..=NEEDS_MAX {
        if bits.take(1)? == 0 {
            return Some(needs);
        }
        needs.add(bits.take(4)? + 1);
    }
    None
}

fn read_custom_needs(bits: &mut Bits<'_>) -> Option<Needs> {
    let mut needs = Needs::default();
    for _ in 0..=NEEDS_MAX {
        match bits.take(2)? {
            0 => return Some(needs),
            nibbles => needs.add(bits.take(4 * nibbles as usize)? + 1),
        }
    }
    None
}

/// Chains tell a receiver of loss; forwarding goes by what frames need.
fn skip_chains(bits: &mut Bits<'_>, targets: u8, templates: usize) -> Option<()> {
    let chains = bits.take_below(u32::from(targets) + 1)?;
    if chains == 0 {
        return Some(());
    }
    for _ in 0..targets {
        bits.take_below(chains)?;
    }
    for _ in 0..templates * chains as usize {
        bits.take(4)?;
    }
    Some(())
}

struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next `count` bits, at most 32.
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for at in self.at..self.at + count {
            value = value << 1 | bit(self.data, at)?;
        }
        self.at += count;
        Some(value)
    }

    /// A value below `limit` in the fewest bits (ns(n) of AV1's specification, section 4.10.7).
    fn take_below(&mut self, limit: u32) -> Option<u32> {
        let width = u32::BITS - limit.leading_zeros();
        let short = (1 << width) - limit;
        let value = self.take(width.saturating_sub(1) as usize)?;
        if value < short {
            return Some(value);
        }
        Some((value << 1) - short + self.take(1)?)
    }
}

fn bit(data: &[u8], at: usize) -> Option<u32> {
    data.get(at / 8).map(|byte| u32::from(byte >> (7 - at % 8) & 1))
}

struct BitWriter<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl BitWriter<'_> {
    fn put(&mut self, value: u32, count: usize) -> Option<()> {
        for shift in (0..count).rev() {
            let byte = self.out.get_mut(self.at / 8)?;
            let mask = 0x80 >> (self.at % 8);
            if self.at.is_multiple_of(8) {
                *byte = 0;
            }
            *byte |= if value >> shift & 1 == 1 { mask } else { 0 };
            self.at += 1;
        }
        Some(())
    }

    fn copy(&mut self, data: &[u8], bits: std::ops::Range<usize>) -> Option<()> {
        for at in bits {
            self.put(bit(data, at)?, 1)?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests;
