//! What a client wants when it joins: the query of `/rtc`, or the packed request of `/rtc/v1`.
//!
//! Parses bytes of strangers: everything here has a cap.

use std::collections::HashMap;
use std::io::Read;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use livekit_protocol as proto;
use prost::Message;

/// Largest join request after decompression, in bytes; LiveKit's own cap.
pub const JOIN_REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// Most capabilities that a query may list.
pub const CAPABILITIES_MAX: usize = 32;

/// Why a join request could not be read. The display is what the client reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JoinRequestError {
    /// `/rtc/v1` without its parameter.
    #[error("join_request is required")]
    PeerMissing,
    /// The parameter is not base64.
    #[error("cannot base64 decode wrapped join request")]
    PeerBase64,
    /// Not a `WrappedJoinRequest`.
    #[error("cannot unmarshal wrapped join request")]
    PeerWrapper,
    /// A compression that we do not know.
    #[error("unsupported join request compression")]
    PeerCompression,
    /// Not gzip.
    #[error("cannot decompress join request")]
    PeerGzip,
    /// Longer than [`JOIN_REQUEST_BYTES_MAX`].
    #[error("join request exceeds limits: max length 1048576")]
    PeerTooLong,
    /// Not a `JoinRequest`.
    #[error("cannot unmarshal join request")]
    PeerRequest,
    /// `attributes` is not base64 of a JSON map of texts.
    #[error("cannot decode attributes")]
    PeerAttributes,
}

/// The query of a join, decoded; of a repeated name the first counts.
#[derive(Clone, Default)]
pub struct Query(HashMap<String, String>);

impl Query {
    /// Takes decoded pairs.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut map = HashMap::new();
        for (name, value) in pairs {
            map.entry(name).or_insert(value);
        }
        Self(map)
    }

    /// The value of `name`, or the empty text.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether `name` is `1` or `true`; `None` when it is absent or empty.
    pub fn flag(&self, name: &str) -> Option<bool> {
        Some(self.text(name)).filter(|value| !value.is_empty()).map(|value| matches!(value, "1" | "true"))
    }

    fn number(&self, name: &str) -> i32 {
        self.text(name).parse().unwrap_or_default()
    }
}

/// Unpacks the `join_request` parameter: base64 of a `WrappedJoinRequest`, usually gzip inside.
///
/// # Errors
/// See [`JoinRequestError`].
pub fn unpack(packed: &str) -> Result<proto::JoinRequest, JoinRequestError> {
    use proto::wrapped_join_request::Compression;
    if packed.is_empty() {
        return Err(JoinRequestError::PeerMissing);
    }
    let bytes = base64_lenient(packed).ok_or(JoinRequestError::PeerBase64)?;
    let wrapped = proto::WrappedJoinRequest::decode(bytes.as_slice()).map_err(|_| JoinRequestError::PeerWrapper)?;
    let plain = match Compression::try_from(wrapped.compression) {
        Ok(Compression::None) => wrapped.join_request,
        Ok(Compression::Gzip) => gunzip(&wrapped.join_request)?,
        Err(_) => return Err(JoinRequestError::PeerCompression),
    };
    if plain.len() > JOIN_REQUEST_BYTES_MAX {
        return Err(JoinRequestError::PeerTooLong);
    }
    proto::JoinRequest::decode(plain.as_slice()).map_err(|_| JoinRequestError::PeerRequest)
}

/// Packs a request as current clients do; the counterpart of [`unpack`] for tests and load.
pub fn pack(request: &proto::JoinRequest) -> String {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    // Writing into a vector does not fail.
    let _ = gzip.write_all(&request.encode_to_vec());
    let wrapped = proto::WrappedJoinRequest {
        compression: proto::wrapped_join_request::Compression::Gzip.into(),
        join_request: gzip.finish().unwrap_or_default(),
    };
    base64::engine::general_purpose::URL_SAFE.encode(wrapped.encode_to_vec())
}

/// Reads the separate parameters of `/rtc` into the same request.
///
/// # Errors
/// [`JoinRequestError::PeerAttributes`].
pub fn from_query(query: &Query) -> Result<proto::JoinRequest, JoinRequestError> {
    let settings = proto::ConnectionSettings {
        auto_subscribe: query.flag("auto_subscribe").unwrap_or(true),
        adaptive_stream: query.flag("adaptive_stream").unwrap_or_default(),
        subscriber_allow_pause: query.flag("subscriber_allow_pause"),
        disable_ice_lite: query.flag("disable_ice_lite").unwrap_or_default(),
        auto_subscribe_data_track: query.flag("auto_subscribe_data_track"),
    };
    Ok(proto::JoinRequest {
        client_info: Some(client_info(query)),
        connection_settings: Some(settings),
        participant_attributes: attributes(query.text("attributes"))?,
        reconnect: query.flag("reconnect").unwrap_or_default(),
        reconnect_reason: query.number("reconnect_reason"),
        participant_sid: query.text("sid").to_owned(),
        ..Default::default()
    })
}

fn client_info(query: &Query) -> proto::ClientInfo {
    let capabilities = query.text("capabilities").split(',').take(CAPABILITIES_MAX);
    proto::ClientInfo {
        sdk: sdk(query.text("sdk")).into(),
        version: query.text("version").to_owned(),
        protocol: query.number("protocol"),
        os: query.text("os").to_owned(),
        os_version: query.text("os_version").to_owned(),
        device_model: query.text("device_model").to_owned(),
        browser: query.text("browser").to_owned(),
        browser_version: query.text("browser_version").to_owned(),
        network: query.text("network").to_owned(),
        other_sdks: query.text("other_sdks").to_owned(),
        client_protocol: query.number("client_protocol"),
        capabilities: capabilities.filter_map(proto::client_info::Capability::from_str_name).map(i32::from).collect(),
        ..Default::default()
    }
}

fn sdk(name: &str) -> proto::client_info::Sdk {
    use proto::client_info::Sdk;
    match name.to_ascii_lowercase().as_str() {
        "ios" => Sdk::Swift,
        "reactnative" => Sdk::ReactNative,
        "unityweb" => Sdk::UnityWeb,
        other => Sdk::from_str_name(&other.to_ascii_uppercase()).unwrap_or(Sdk::Unknown),
    }
}

fn attributes(packed: &str) -> Result<HashMap<String, String>, JoinRequestError> {
    if packed.is_empty() {
        return Ok(HashMap::new());
    }
    let json = base64_lenient(packed).ok_or(JoinRequestError::PeerAttributes)?;
    serde_json::from_slice(&json).map_err(|_| JoinRequestError::PeerAttributes)
}

/// Takes both alphabets, padded or not, and the blank that form decoding makes of `+`.
fn base64_lenient(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let url_safe: String = text
        .trim_end_matches('=')
        .chars()
        .map(|letter| match letter {
            '+' | ' ' => '-',
            '/' => '_',
            other => other,
        })
        .collect();
    LENIENT.decode(url_safe).ok()
}

fn gunzip(packed: &[u8]) -> Result<Vec<u8>, JoinRequestError> {
    let mut plain = Vec::new();
    let cap = JOIN_REQUEST_BYTES_MAX as u64 + 1;
    flate2::read::GzDecoder::new(packed).take(cap).read_to_end(&mut plain).map_err(|_| JoinRequestError::PeerGzip)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;
    use proto::wrapped_join_request::Compression;

    use super::*;

    fn query(text: &str) -> Query {
        Query::new(text.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.into(), v.into())))
    }

    fn wrap(compression: i32, join_request: Vec<u8>) -> String {
        let wrapped = proto::WrappedJoinRequest { compression, join_request };
        base64::engine::general_purpose::URL_SAFE.encode(wrapped.encode_to_vec())
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(plain).unwrap();
        gzip.finish().unwrap()
    }

    fn request() -> proto::JoinRequest {
        proto::JoinRequest { participant_sid: "PA_1".into(), reconnect: true, ..Default::default() }
    }

    #[test]
    fn all_alphabets_and_paddings_are_read() {
        // Three lengths, so that every padding occurs.
        for sid in ["PA_1", "PA_12", "PA_123?>~~"] {
            let request = proto::JoinRequest { participant_sid: sid.into(), ..Default::default() };
            let bytes =
                proto::WrappedJoinRequest { compression: 0, join_request: request.encode_to_vec() }.encode_to_vec();
            let texts =
                [STANDARD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes), STANDARD.encode(&bytes).replace('+', " ")];
            for text in texts {
                assert_eq!(unpack(&text), Ok(request.clone()), "{text}");
            }
        }
        assert_eq!(unpack(&pack(&request())), Ok(request()));
    }

    #[test]
    fn faults_have_their_names() {
        let bomb = gzip(&vec![0; JOIN_REQUEST_BYTES_MAX + 1]);
        assert!(bomb.len() < 4096);
        let mut cut = gzip(&request().encode_to_vec());
        cut.truncate(cut.len() / 2);
        let cases = [
            (String::new(), JoinRequestError::PeerMissing),
            ("!".into(), JoinRequestError::PeerBase64),
            (STANDARD.encode([0xff; 9]), JoinRequestError::PeerWrapper),
            (wrap(7, vec![]), JoinRequestError::PeerCompression),
            (wrap(Compression::Gzip.into(), vec![1, 2, 3]), JoinRequestError::PeerGzip),
            (wrap(Compression::Gzip.into(), cut), JoinRequestError::PeerGzip),
            (wrap(Compression::Gzip.into(), bomb), JoinRequestError::PeerTooLong),
            (wrap(Compression::None.into(), vec![0; JOIN_REQUEST_BYTES_MAX + 1]), JoinRequestError::PeerTooLong),
            (wrap(Compression::None.into(), vec![0xff; 9]), JoinRequestError::PeerRequest),
        ];
        for (text, fault) in cases {
            assert_eq!(unpack(&text), Err(fault));
        }
    }

    #[test]
    fn reads_what_python_sends() {
        let request = from_query(&query(
            "sdk=python&os=Debian&os_version=12.0.0&device_model=Unknown&protocol=18&client_protocol=2&auto_subscribe=1\
             &adaptive_stream=0&version=1.2.0&capabilities=CAP_PACKET_TRAILER,CAP_COMPRESSION_DEFLATE_RAW",
        ))
        .unwrap();
        let info = request.client_info.unwrap();
        assert_eq!((info.sdk(), info.protocol, info.client_protocol), (proto::client_info::Sdk::Python, 18, 2));
        assert_eq!((info.os.as_str(), info.version.as_str(), info.capabilities), ("Debian", "1.2.0", vec![1, 2]));
        let settings = request.connection_settings.unwrap();
        assert!(settings.auto_subscribe && !settings.adaptive_stream && settings.subscriber_allow_pause.is_none());
    }

    #[test]
    fn absence_has_a_meaning() {
        let request = from_query(&query("reconnect=true&sid=PA_7&reconnect_reason=2&protocol=x&sdk=toaster")).unwrap();
        assert!(request.reconnect && request.connection_settings.unwrap().auto_subscribe);
        assert_eq!((request.participant_sid.as_str(), request.reconnect_reason), ("PA_7", 2));
        assert_eq!(request.client_info.unwrap().sdk, 0);
        assert!(!from_query(&query("auto_subscribe=0")).unwrap().connection_settings.unwrap().auto_subscribe);
    }

    #[test]
    fn attributes_are_a_packed_map() {
        let packed = URL_SAFE_NO_PAD.encode(r#"{"team":"blue"}"#);
        let request = from_query(&query(&format!("attributes={packed}"))).unwrap();
        assert_eq!(request.participant_attributes["team"], "blue");
        for bad in ["%%%", "AAAA"] {
            assert_eq!(from_query(&query(&format!("attributes={bad}"))), Err(JoinRequestError::PeerAttributes));
        }
    }

    #[test]
    fn capabilities_are_counted() {
        let many = ["CAP_PACKET_TRAILER"; CAPABILITIES_MAX + 9].join(",");
        let info = from_query(&query(&format!("capabilities={many}"))).unwrap().client_info.unwrap();
        assert_eq!(info.capabilities.len(), CAPABILITIES_MAX);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in ".{0,300}", bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = unpack(&text);
            let _ = unpack(&STANDARD.encode(&bytes));
            let _ = unpack(&wrap(0, bytes.clone()));
            let _ = unpack(&wrap(1, bytes));
        }

        #[test]
        fn what_is_packed_is_unpacked(sid in ".{0,100}", metadata in ".{0,200}", reconnect: bool) {
            let request = proto::JoinRequest { participant_sid: sid, metadata, reconnect, ..Default::default() };
            prop_assert_eq!(unpack(&pack(&request)), Ok(request));
        }
    }
}
