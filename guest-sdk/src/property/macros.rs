//! The macros that derive declaration, setter and getter from one struct.

/// Declares what the user can set; see [`crate::property`].
#[macro_export]
macro_rules! properties {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident {
            $(
                $(#[doc = $doc:literal])+
                $field:ident: $type:ty $(= $default:expr)?
                    $(=> [ $( $option:ident $( ( $($argument:expr),* ) )? ),+ $(,)? ])?
            ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        $visibility struct $name {
            $( $(#[doc = $doc])+ pub $field: $type, )*
        }

        impl ::core::default::Default for $name {
            fn default() -> Self {
                Self { $( $field: $crate::properties!(@default $($default)?), )* }
            }
        }

        impl $crate::property::Settings for $name {
            fn defaults() -> Self {
                ::core::default::Default::default()
            }

            fn describe() -> ::std::vec::Vec<$crate::property::Property> {
                let defaults = Self::default();
                ::std::vec![$(
                    $crate::property::Spec::new::<$type>(
                        ::core::stringify!($field),
                        ::core::concat!($($doc),+),
                        &defaults.$field,
                    )
                    $( $( .$option( $( $($argument),* )? ) )+ )?
                    .build()
                ),*]
            }

            fn set(
                &mut self,
                setting: &$crate::property::Setting,
            ) -> ::core::result::Result<(), $crate::Failure> {
                $(
                    if $crate::property::is_named(&setting.name, ::core::stringify!($field)) {
                        self.$field = $crate::property::PropertyType::from_value(&setting.value)
                            .ok_or_else(|| {
                                $crate::property::mismatch(&setting.name, &setting.value)
                            })?;
                        return ::core::result::Result::Ok(());
                    }
                )*
                ::core::result::Result::Err($crate::property::unknown(&setting.name))
            }

            fn get(&self, name: &str) -> ::core::option::Option<$crate::property::Value> {
                $(
                    if $crate::property::is_named(name, ::core::stringify!($field)) {
                        return $crate::property::PropertyType::to_value(&self.$field);
                    }
                )*
                ::core::option::Option::None
            }
        }
    };
    (@default $default:expr) => { $default };
    (@default) => { ::core::default::Default::default() };
}

/// Declares a property type of a few words; the first is the default.
///
/// ```
/// millstream_sdk::choices! {
///     /// What is drawn.
///     pub enum Pattern {
///         /// Colour bars.
///         Smpte = "smpte",
///         /// Noise.
///         Snow = "snow",
///     }
/// }
///
/// assert_eq!(Pattern::Snow.as_str(), "snow");
/// assert_eq!(Pattern::default(), Pattern::Smpte);
/// ```
#[macro_export]
macro_rules! choices {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $name:ident {
            $(#[$first_meta:meta])* $first:ident = $first_word:literal
            $(, $(#[$variant_meta:meta])* $variant:ident = $word:literal)* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        $visibility enum $name {
            $(#[$first_meta])*
            #[default]
            $first,
            $( $(#[$variant_meta])* $variant, )*
        }

        impl $name {
            /// Every choice, in the order of declaration.
            $visibility const ALL: &'static [Self] = &[Self::$first $(, Self::$variant)*];

            /// The word for it.
            $visibility const fn as_str(self) -> &'static str {
                match self {
                    Self::$first => $first_word,
                    $( Self::$variant => $word, )*
                }
            }
        }

        impl $crate::property::PropertyType for $name {
            fn kind() -> $crate::property::PropertyKind {
                $crate::property::PropertyKind::Choice(
                    Self::ALL.iter().map(|choice| choice.as_str().to_owned()).collect(),
                )
            }

            fn to_value(&self) -> ::core::option::Option<$crate::property::Value> {
                ::core::option::Option::Some($crate::property::Value::from(self.as_str()))
            }

            fn from_value(
                value: &$crate::property::Value,
            ) -> ::core::option::Option<Self> {
                match value {
                    $crate::property::Value::Text(word) => {
                        Self::ALL.iter().copied().find(|choice| choice.as_str() == word)
                    }
                    _ => ::core::option::Option::None,
                }
            }
        }
    };
}
