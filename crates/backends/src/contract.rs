//! A contract that several implementations keep: every fact is a test of its own on each of them.

/// Makes a module for each implementation, in it a test for each fact.
///
/// `$start::<implementation>()` is awaited anew for every test, so no fact depends on another one. A fact is an `async fn`
/// beside the call that takes a reference to what was started, or what such a reference converts into.
///
/// ```ignore
/// backends::contract! { Store::{sqlite, postgres}: what_is_added_is_found, what_is_removed_is_gone }
/// ```
#[macro_export]
macro_rules! contract {
    ($start:ident :: { $($implementation:ident),+ $(,)? } : $($fact:ident),+ $(,)?) => {
        $crate::contract! { @each $start { $($implementation)+ } [ $($fact)+ ] }
    };
    (@each $start:ident { $($implementation:ident)+ } $facts:tt) => {
        $( $crate::contract! { @one $start $implementation $facts } )+
    };
    (@one $start:ident $implementation:ident [ $($fact:ident)+ ]) => {
        mod $implementation {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $fact() {
                    let started = super::$start::$implementation().await;
                    super::$fact((&started).into()).await;
                }
            )+
        }
    };
}
