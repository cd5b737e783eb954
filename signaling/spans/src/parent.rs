//! To which trace a span belongs, also across processes (W3C Trace Context, `traceparent`).

/// A span as others refer to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Context {
    /// The trace; never 0.
    pub trace: u128,
    /// The span; never 0.
    pub span: u64,
}

impl Context {
    /// A span's context before there is the span: below another, or the first of a trace. `None` when nobody listens.
    pub fn fresh(parent: Option<Self>) -> Option<Self> {
        let world = crate::world()?;
        // Zero is no id; the lowest bit is little to lose.
        let chance = || (world.random)() | 1;
        let trace = parent.map_or_else(|| (u128::from(chance()) << 64) | u128::from(chance()), |parent| parent.trace);
        Some(Self { trace, span: chance() })
    }

    /// Reads the header `traceparent` of version 00, and of later ones what they share with it. `None` when it is none, or
    /// when whoever began the trace does not record it.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let mut hex = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            let is_hex = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            u128::from_str_radix(part, 16).ok().filter(|_| is_hex)
        };
        let (version, trace, span, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
        let more = parts.next().is_some();
        if version == 0xff || (version == 0 && more) || trace == 0 || flags & 1 == 0 {
            return None;
        }
        let span = u64::try_from(span).ok().filter(|span| *span != 0)?;
        Some(Self { trace, span })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let right = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = Context { trace: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, span: 0x00f0_67aa_0ba9_02b7 };
        for (header, expected) in [
            (right.to_owned(), Some(context)),
            (format!(" {right} "), Some(context)),
            (right.replacen("00-", "01-", 1) + "-what-comes", Some(context)),
            (right.replace("-01", "-00"), None),
            (right.to_owned() + "-more", None),
            (right.replacen("00-", "ff-", 1), None),
            (right.to_uppercase(), None),
            (right.replace('f', "+"), None),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01".to_owned(), None),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01".to_owned(), None),
            (String::new(), None),
            ("00-4bf9-00f0-01".to_owned(), None),
            ("-".repeat(100_000), None),
        ] {
            assert_eq!(Context::parse(&header), expected, "{header:.80}");
        }
    }
}
