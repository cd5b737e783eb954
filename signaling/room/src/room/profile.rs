//! What a participant says of itself.

use std::collections::BTreeMap;

use super::Room;
use crate::ParticipantSid;

/// Why a profile stays as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProfileError {
    /// No such participant.
    #[error("participant is not there")]
    NotThere,
    /// The grants do not allow it.
    #[error("does not have permission to update own metadata")]
    NotAllowed,
    /// The name is too long.
    #[error("name exceeds size limits")]
    NameTooLong,
    /// The metadata is too long.
    #[error("metadata exceeds size limits")]
    MetadataTooLong,
    /// The attributes are too long.
    #[error("attributes exceeds size limits")]
    AttributesTooLong,
}

impl Room {
    /// A participant changes its own name, metadata and attributes. Empty name and metadata leave them as they
    /// are; an empty attribute value removes its key.
    ///
    /// # Errors
    /// When it may not, or something is too long; nothing has changed then.
    pub fn update_profile(
        &mut self,
        sid: &ParticipantSid,
        name: &str,
        metadata: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Result<(), ProfileError> {
        let participant = self.participants.get(sid).ok_or(ProfileError::NotThere)?;
        if !participant.grants.can_update_metadata {
            return Err(ProfileError::NotAllowed);
        }
        self.merge_profile(sid, name, metadata, attributes)?;
        self.touch(sid);
        Ok(())
    }

    /// Lays words over what is there, or changes nothing.
    pub(super) fn merge_profile(
        &mut self,
        sid: &ParticipantSid,
        name: &str,
        metadata: &str,
        attributes: &BTreeMap<String, String>,
    ) -> Result<(), ProfileError> {
        let limits = self.settings.limits;
        let participant = self.participants.get_mut(sid).ok_or(ProfileError::NotThere)?;
        let mut merged = participant.attributes.clone();
        for (key, value) in attributes {
            if value.is_empty() {
                merged.remove(key);
            } else {
                merged.insert(key.clone(), value.clone());
            }
        }
        if name.len() > limits.name_bytes_max {
            return Err(ProfileError::NameTooLong);
        }
        if metadata.len() > limits.metadata_bytes_max {
            return Err(ProfileError::MetadataTooLong);
        }
        if attributes_bytes(&merged) > limits.attributes_bytes_max {
            return Err(ProfileError::AttributesTooLong);
        }
        participant.attributes = merged;
        if !name.is_empty() {
            name.clone_into(&mut participant.name);
        }
        if !metadata.is_empty() {
            metadata.clone_into(&mut participant.metadata);
        }
        Ok(())
    }
}

/// Bytes of all keys and values.
pub(super) fn attributes_bytes(attributes: &BTreeMap<String, String>) -> usize {
    attributes.iter().map(|(key, value)| key.len() + value.len()).sum()
}
