//! What goes into the store and comes out of it: values, rows, changes.

use crate::StoreError;

/// One value of a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Nothing.
    Null,
    /// A whole number.
    Int(i64),
    /// A text without zero bytes, which PostgreSQL cannot hold.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u64> for Value {
    /// A number beyond the store's range becomes the largest.
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Int(truth.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row of an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row(pub(crate) Vec<Value>);

impl Row {
    /// The number in a column, counted from 0.
    ///
    /// # Errors
    /// There is no such column, or it holds something else.
    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        match self.0.get(column) {
            Some(Value::Int(number)) => Ok(*number),
            other => Err(unexpected(column, "a number", other)),
        }
    }

    /// The number in a column that holds none below zero.
    ///
    /// # Errors
    /// As for [`Row::int`], or the number is negative.
    pub fn count(&self, column: usize) -> Result<u64, StoreError> {
        u64::try_from(self.int(column)?).map_err(|_| unexpected(column, "a number not below 0", self.0.get(column)))
    }

    /// The text in a column.
    ///
    /// # Errors
    /// There is no such column, or it holds something else.
    pub fn text(&self, column: usize) -> Result<&str, StoreError> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(text),
            other => Err(unexpected(column, "a text", other)),
        }
    }

    /// The bytes in a column.
    ///
    /// # Errors
    /// There is no such column, or it holds something else.
    pub fn bytes(&self, column: usize) -> Result<&[u8], StoreError> {
        match self.0.get(column) {
            Some(Value::Bytes(bytes)) => Ok(bytes),
            other => Err(unexpected(column, "bytes", other)),
        }
    }

    /// Whether a column holds nothing.
    pub fn is_null(&self, column: usize) -> bool {
        matches!(self.0.get(column), Some(Value::Null))
    }
}

/// The value itself is not shown: it may be a secret.
fn unexpected(column: usize, wanted: &'static str, found: Option<&Value>) -> StoreError {
    let found = match found {
        None => "no such column",
        Some(Value::Null) => "nothing",
        Some(Value::Int(_)) => "a number",
        Some(Value::Text(_)) => "a text",
        Some(Value::Bytes(_)) => "bytes",
    };
    StoreError::IoCorrupt { column, wanted, found }
}

/// One statement that changes rows, with its values for `$1`, `$2` and so on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    pub(crate) sql: &'static str,
    pub(crate) values: Vec<Value>,
    pub(crate) must_touch: bool,
}

impl Change {
    /// A change that may touch any number of rows.
    pub fn new(sql: &'static str, values: impl Into<Vec<Value>>) -> Self {
        Self { sql, values: values.into(), must_touch: false }
    }

    /// Makes it a condition: when the change touches no row, all that is committed with it is undone and the
    /// answer is [`StoreError::Conflict`].
    pub fn or_conflict(mut self) -> Self {
        self.must_touch = true;
        self
    }

    /// What both databases can hold.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        check(&self.values)
    }
}

pub(crate) fn check(values: &[Value]) -> Result<(), StoreError> {
    let zero = |value: &Value| matches!(value, Value::Text(text) if text.contains('\0'));
    if values.iter().any(zero) { Err(StoreError::PeerZeroByte) } else { Ok(()) }
}
