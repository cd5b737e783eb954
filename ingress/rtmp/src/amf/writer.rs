//! AMF0 out: as much as replies need.

/// Appends values to a message.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    pub(crate) fn number(mut self, number: f64) -> Self {
        self.bytes.push(0);
        self.bytes.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub(crate) fn null(mut self) -> Self {
        self.bytes.push(5);
        self
    }

    pub(crate) fn string(mut self, text: &str) -> Self {
        self.bytes.push(2);
        self.text(text);
        self
    }

    /// An object whose fields `write` appends with [`Encoder::name`] and a value each.
    pub(crate) fn object(mut self, write: impl FnOnce(Self) -> Self) -> Self {
        self.bytes.push(3);
        let mut encoder = write(self);
        encoder.bytes.extend_from_slice(&[0, 0, 9]);
        encoder
    }

    pub(crate) fn strings(mut self, texts: &[&str]) -> Self {
        self.bytes.push(10);
        let count = u32::try_from(texts.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&count.to_be_bytes());
        texts.iter().fold(self, |encoder, text| encoder.string(text))
    }

    pub(crate) fn name(mut self, name: &str) -> Self {
        self.text(name);
        self
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// Texts are our own and short; one beyond 64 KiB would be left empty.
    fn text(&mut self, text: &str) {
        let len = u16::try_from(text.len()).unwrap_or_default();
        self.bytes.extend_from_slice(&len.to_be_bytes());
        self.bytes.extend_from_slice(&text.as_bytes()[..usize::from(len)]);
    }
}
