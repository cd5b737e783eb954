//! A publisher for tests and benches: writes the bytes that an encoder would send.

use crate::amf::Encoder;
use crate::chunk::{Writer, kind};
use crate::handshake::BLOCK_BYTES;

/// Bytes of one connection, in order.
#[derive(Debug)]
pub struct Client {
    /// What was written so far.
    pub bytes: Vec<u8>,
    writer: Writer,
    transaction: f64,
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// Nothing is written yet.
    pub fn new() -> Self {
        Self { bytes: Vec::new(), writer: Writer::new(), transaction: 0.0 }
    }

    /// A client that has sent all that a usual encoder sends before its media.
    pub fn publishing(app: &str, name: &str) -> Self {
        Self::new().handshake().chunk_size(4096).connect(app).announce(name).create_stream().publish(name)
    }

    /// C0, C1 and a C2 that echoes nothing.
    #[must_use]
    pub fn handshake(mut self) -> Self {
        self.bytes.push(3);
        self.bytes.extend([7; 2 * BLOCK_BYTES]);
        self
    }

    /// Sets the chunk size.
    #[must_use]
    pub fn chunk_size(mut self, size: u32) -> Self {
        self.writer.set_chunk_size(&mut self.bytes, size);
        self
    }

    /// `connect` to an application.
    #[must_use]
    pub fn connect(self, app: &str) -> Self {
        let object = |it: Encoder| {
            let it = it.name("app").string(app).name("type").string("nonprivate");
            it.name("flashVer").string("FMLE/3.0 (compatible; test)").name("tcUrl").string("rtmp://localhost/live")
        };
        self.command(0, "connect", |it| it.object(object))
    }

    /// `releaseStream` and `FCPublish`.
    #[must_use]
    pub fn announce(self, name: &str) -> Self {
        let one = self.command(0, "releaseStream", |it| it.null().string(name));
        one.command(0, "FCPublish", |it| it.null().string(name))
    }

    /// `createStream`.
    #[must_use]
    pub fn create_stream(self) -> Self {
        self.command(0, "createStream", Encoder::null)
    }

    /// `publish` on stream 1.
    #[must_use]
    pub fn publish(self, name: &str) -> Self {
        self.command(1, "publish", |it| it.null().string(name).string("live"))
    }

    /// `FCUnpublish` and `deleteStream`.
    #[must_use]
    pub fn stop(self, name: &str) -> Self {
        let one = self.command(0, "FCUnpublish", |it| it.null().string(name));
        one.command(0, "deleteStream", |it| it.null().number(1.0))
    }

    /// A command by name alone.
    #[must_use]
    pub fn verb(self, name: &str) -> Self {
        self.command(0, name, Encoder::null)
    }

    /// Metadata with a size.
    #[must_use]
    pub fn metadata(mut self, width: f64, height: f64) -> Self {
        let object = |it: Encoder| it.name("width").number(width).name("height").number(height);
        let payload = Encoder::default().string("@setDataFrame").string("onMetaData").object(object).finish();
        self.writer.write(&mut self.bytes, kind::DATA, 1, 0, &payload);
        self
    }

    /// A tag of picture as it is.
    #[must_use]
    pub fn video(mut self, timestamp: u32, tag: &[u8]) -> Self {
        self.writer.write(&mut self.bytes, kind::VIDEO, 1, timestamp, tag);
        self
    }

    /// A tag of sound as it is.
    #[must_use]
    pub fn audio(mut self, timestamp: u32, tag: &[u8]) -> Self {
        self.writer.write(&mut self.bytes, kind::AUDIO, 1, timestamp, tag);
        self
    }

    /// Any message.
    #[must_use]
    pub fn message(mut self, kind: u8, timestamp: u32, payload: &[u8]) -> Self {
        self.writer.write(&mut self.bytes, kind, 1, timestamp, payload);
        self
    }

    fn command(mut self, stream: u32, name: &str, write: impl FnOnce(Encoder) -> Encoder) -> Self {
        self.transaction += 1.0;
        let payload = write(Encoder::default().string(name).number(self.transaction)).finish();
        self.writer.write(&mut self.bytes, kind::COMMAND, stream, 0, &payload);
        self
    }
}
