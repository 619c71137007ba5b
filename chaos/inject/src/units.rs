//! Units.

/// Mebibytes as bytes.
pub(crate) const fn mib(count: u64) -> u64 {
    count.saturating_mul(1 << 20)
}
