use crate::enumeration;

enumeration! {
    /// Which way a genealogy is followed.
    pub enum GenealogyDirection {
        /// To what the lot was made from.
        Backward = "BACKWARD",
        /// To what was made of it.
        Forward = "FORWARD",
        // To its ancestors and to its descendants; not to its siblings.
        /// Both.
        Both = "BOTH",
    }
}
