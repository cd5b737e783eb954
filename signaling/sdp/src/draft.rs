//! .
use crate::description::Description;
use crate::error::{Fault, SdpError};
pub(crate) fn parse(text: &str) -> Result<Description, SdpError> {
    Err(SdpError { line: 1, fault: Fault::TextTooLong(text.len()) })
}
