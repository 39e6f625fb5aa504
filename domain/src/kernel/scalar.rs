/// A value of the domain that is one number, or one text: what a read model keeps it as, in a column of its own.
///
/// ```
/// use domain::kernel::Scalar;
///
/// /// How far a van may go.
/// struct Kilometres(u16);
///
/// impl Scalar for Kilometres {
///     type Stored = i64;
///
///     fn stored(&self) -> i64 {
///         self.0.into()
///     }
///
///     fn from_stored(stored: i64) -> Option<Self> {
///         stored.try_into().ok().map(Self)
///     }
/// }
/// ```
pub trait Scalar: Sized {
    /// `i64`, or a `String`.
    type Stored;

    /// The stored form. Equal values have equal forms, and where the value has an order its forms sort alike.
    fn stored(&self) -> Self::Stored;

    /// The value that was stored; none if it could not have been.
    fn from_stored(stored: Self::Stored) -> Option<Self>;
}
