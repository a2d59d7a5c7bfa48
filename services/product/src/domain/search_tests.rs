//! Tests of searches and their cursors.

use super::*;
use crate::fixtures::product;

fn draft() -> SearchDraft {
    SearchDraft { sort: Some(Sort::Name), ..SearchDraft::default() }
}

fn refused(draft: SearchDraft) -> Vec<String> {
    match Search::new(draft) {
        Err(Error::Invalid(fields)) => fields.into_iter().map(|error| error.field).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn words_are_lower_case_and_different() {
    let search = Search::new(SearchDraft { query: "  Blue\tLAMP blue ".into(), ..draft() }).expect("valid");
    assert_eq!(search.filter().words(), ["blue", "lamp"]);
    assert_eq!(search.fetch_limit(), 21);
}

#[test]
fn everything_wrong_is_reported_at_once() {
    let search = SearchDraft {
        query: "a\u{0}".into(),
        category: "No Slug".into(),
        min_price: Some(-1),
        max_price: Some(-2),
        sort: None,
        page_size: 101,
        ..draft()
    };
    assert_eq!(refused(search), ["query", "category", "min_price_minor", "max_price_minor", "sort", "page_size"]);
}

#[test]
fn each_limit_is_checked() {
    assert_eq!(refused(SearchDraft { query: "x".repeat(101), ..draft() }), ["query"]);
    assert_eq!(refused(SearchDraft { query: "a b c d e f g h i".into(), ..draft() }), ["query"]);
    assert_eq!(refused(SearchDraft { min_price: Some(2), max_price: Some(1), ..draft() }), ["min_price_minor"]);
    assert_eq!(refused(SearchDraft { page_size: -1, ..draft() }), ["page_size"]);
    for good in [
        SearchDraft { query: "ä".repeat(100), ..draft() },
        SearchDraft { query: "a b c d e f g h".into(), ..draft() },
        SearchDraft { min_price: Some(1), max_price: Some(1), page_size: 100, ..draft() },
    ] {
        assert!(Search::new(good).is_ok());
    }
}

#[test]
fn a_page_that_is_not_full_is_the_last() {
    let search = Search::new(SearchDraft { page_size: 2, ..draft() }).expect("valid");
    let page = Page::of(&search, vec![product("A"), product("B")]);
    assert_eq!((page.products().len(), page.next_cursor()), (2, ""));
}

#[test]
fn a_cursor_leads_to_where_the_page_ended() {
    for sort in [Sort::Name, Sort::PriceAsc, Sort::PriceDesc, Sort::Newest] {
        let draft = SearchDraft { page_size: 1, sort: Some(sort), query: "x".into(), ..draft() };
        let search = Search::new(draft.clone()).expect("valid");
        let page = Page::of(&search, vec![product("Kettle"), product("Lamp")]);
        let cursor = page.next_cursor().to_owned();
        // Another page size is no other search.
        let next = Search::new(SearchDraft { cursor, page_size: 7, ..draft }).expect("own cursor");
        assert_eq!(next.start(), &Position::of(&page.products()[0], sort));
    }
}

#[test]
fn cursors_of_other_searches_are_refused() {
    let search = Search::new(SearchDraft { page_size: 1, ..draft() }).expect("valid");
    let cursor = Page::of(&search, vec![product("A"), product("B")]).next_cursor().to_owned();
    let foreign = [
        SearchDraft { sort: Some(Sort::Newest), ..draft() },
        SearchDraft { query: "a".into(), ..draft() },
        SearchDraft { category: "toys".into(), ..draft() },
        SearchDraft { in_stock: true, ..draft() },
        SearchDraft { max_price: Some(5), ..draft() },
    ];
    for other in foreign {
        let outcome = Search::new(SearchDraft { cursor: cursor.clone(), ..other });
        assert!(matches!(outcome, Err(Error::InvalidCursor)), "{outcome:?}");
    }
    assert!(matches!(Search::new(SearchDraft { cursor: "junk".into(), ..draft() }), Err(Error::InvalidCursor)));
}

#[test]
fn forged_positions_are_refused() {
    let forge = |sort, key| {
        let draft = SearchDraft { sort: Some(sort), ..draft() };
        let filter = Filter::new(&draft, &mut Vec::new());
        let position = Position { key, id: Uuid::nil() };
        Search::new(SearchDraft { cursor: cursor::encode(&filter.fingerprint(sort), &position), ..draft })
    };
    let before_1970 = DateTime::from_timestamp_millis(-1).expect("in range");
    for (sort, key) in [
        (Sort::Name, SortKey::Price(1)),
        (Sort::Name, SortKey::Name("a\0".into())),
        (Sort::PriceAsc, SortKey::Name("a".into())),
        (Sort::Newest, SortKey::Created(before_1970)),
        (Sort::Newest, SortKey::Created(DateTime::<Utc>::MAX_UTC)),
    ] {
        assert!(matches!(forge(sort, key.clone()), Err(Error::InvalidCursor)), "{key:?}");
    }
    assert!(forge(Sort::PriceDesc, SortKey::Price(1)).is_ok());
}

#[test]
fn the_longest_cursor_is_still_read() {
    let draft = SearchDraft { page_size: 1, query: "😀".repeat(100), ..draft() };
    let search = Search::new(draft.clone()).expect("valid");
    let name = "😀".repeat(120);
    let page = Page::of(&search, vec![product(&name), product(&name)]);
    assert!(Search::new(SearchDraft { cursor: page.next_cursor().to_owned(), ..draft }).is_ok());
}
