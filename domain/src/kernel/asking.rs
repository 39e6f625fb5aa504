//! What an aggregate is asked, and the commands that ask it: declared together where a command says nothing else.

use serde::{Serialize, de::DeserializeOwned};

use super::Decider;

/// A command that is given to the aggregate that it names, as it is. Declared by [`commands!`](crate::commands), never by hand.
pub trait Asks: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Who is asked.
    type Of: Decider;
    /// How it is named: a [`Uuid`](uuid::Uuid), or an `Option` of one where leaving it out makes a new one.
    type Whom;
    /// What else is said; `()` where nothing is.
    type Terms;
    /// Imperative verb and noun.
    const NAME: &'static str;
    /// What it does, for the contracts.
    const DESCRIPTION: &'static str;
    /// What naming it means.
    const WHOM: &'static str;
    /// The field that names it, in lower snake case.
    const ID: &'static str;
    /// The same in lower camel case, as refusals name it.
    const FIELD: &'static str;

    /// The command.
    fn new(whom: Self::Whom, terms: Self::Terms) -> Self;

    /// What is asked.
    fn asked(self) -> <Self::Of as Decider>::Command;
}

/// Declares what an aggregate may be asked, and for each a command that asks it: whom, and the terms where it has some.
///
/// ```
/// use domain::{commands, kernel::Asks};
/// use uuid::Uuid;
/// # use domain::{Decider, events, refusals, terms};
/// # terms! {
/// #     /// How a shelf is used.
/// #     pub struct ShelfTerms {
/// #         /// Whose it is.
/// #         owner: String,
/// #     }
/// # }
/// # events! { pub enum ShelfEvent { ShelfCleared {} = 1; } }
/// # refusals! { pub enum ShelfRefusal {} }
/// # #[derive(Default)]
/// # pub struct Shelf;
/// # impl Decider for Shelf {
/// #     const CATEGORY: &'static str = "shelf";
/// #     type Command = ShelfCommand;
/// #     type Event = ShelfEvent;
/// #     type Error = ShelfRefusal;
/// #     fn decide(&self, _: ShelfCommand) -> Result<Vec<ShelfEvent>, ShelfRefusal> { Ok(Vec::new()) }
/// #     fn evolve(self, _: &ShelfEvent) -> Self { self }
/// # }
///
/// commands! {
///     /// What may be asked of a shelf.
///     pub enum ShelfCommand of Shelf, named shelf_id as "shelfId" {
///         /// Puts a shelf up, or gives it to somebody else.
///         SaveShelf(ShelfTerms), makes "The shelf to change; left out, a new one is put up.";
///         /// Takes everything off it.
///         ClearShelf;
///     }
/// }
///
/// assert_eq!(ClearShelf { shelf_id: Uuid::nil() }.asked(), ShelfCommand::ClearShelf);
/// let terms = ShelfTerms { owner: "Anna".to_owned() };
/// assert_eq!(SaveShelf { shelf_id: None, terms: terms.clone() }.asked(), ShelfCommand::SaveShelf(terms));
/// assert_eq!((ClearShelf::NAME, ClearShelf::FIELD), ("ClearShelf", "shelfId"));
/// ```
///
/// With `makes` the id may be left out, which makes a new one; the text says so. A command that says more than terms, or to
/// which something is added before it is asked, is a struct by hand, and the enum of what is asked too.
#[macro_export]
macro_rules! commands {
    (@whom) => { uuid::Uuid };
    (@whom $makes:literal) => { Option<uuid::Uuid> };
    (@told) => { "Which one." };
    (@told $makes:literal) => { $makes };
    (@terms) => { () };
    (@terms $terms:ty) => { $terms };
    (@says $asked:ident, $command:ident, $id:ident) => {
        fn new($id: Self::Whom, (): ()) -> Self {
            Self { $id }
        }

        fn asked(self) -> $asked {
            $asked::$command
        }
    };
    (@says $asked:ident, $command:ident, $id:ident, $terms:ty) => {
        fn new($id: Self::Whom, terms: $terms) -> Self {
            Self { $id, terms }
        }

        fn asked(self) -> $asked {
            $asked::$command(self.terms)
        }
    };
    (
        $(#[$meta:meta])*
        $visibility:vis enum $asked:ident of $aggregate:ident, named $id:ident as $field:literal {
            $( $(#[doc = $doc:literal])+ $command:ident $(($terms:ty))? $(, makes $makes:literal)? ; )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        $visibility enum $asked {
            $( $(#[doc = $doc])+ $command $(($terms))?, )+
        }

        $(
            $(#[doc = $doc])+
            #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
            $visibility struct $command {
                #[doc = $crate::commands!(@told $($makes)?)]
                pub $id: $crate::commands!(@whom $($makes)?),
                $(
                    /// All of its terms.
                    pub terms: $terms,
                )?
            }

            impl $crate::kernel::Asks for $command {
                type Of = $aggregate;
                type Whom = $crate::commands!(@whom $($makes)?);
                type Terms = $crate::commands!(@terms $($terms)?);
                const NAME: &'static str = stringify!($command);
                const DESCRIPTION: &'static str = concat!($($doc),+).trim_ascii();
                const WHOM: &'static str = $crate::commands!(@told $($makes)?);
                const ID: &'static str = stringify!($id);
                const FIELD: &'static str = $field;

                $crate::commands!(@says $asked, $command, $id $(, $terms)?);
            }
        )+
    };
}
