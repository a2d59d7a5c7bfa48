//! The service as its callers see it: started as a whole, called over a socket.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use chassis::config::Layers;
use chassis::{Actor, HostOptions, Kind, Problem, Running, StartError};
use contracts::product::v1::product_service_client::ProductServiceClient;
use contracts::product::v1::{
    CreateProductRequest, DeleteProductRequest, GetProductRequest, ListProductsRequest, Money, Product, ProductInput,
    Sort, UpdateProductRequest,
};
use product::SPEC;
use sqlx::{Connection, SqliteConnection};
use telemetry::exposition::Exposition;
use tempfile::TempDir;
use toml::Table;
use tonic::{Code, Status};
use upstream::{Channel, Settings};
use uuid::Uuid;

const FIRST: &str = "00000000-0000-7000-8000-000000000001";
const SEEDED: usize = 220;
const ADMIN: Actor = Actor::Admin(Uuid::from_u128(1));
const USER: Actor = Actor::User(Uuid::from_u128(2));
const SORTS: [Sort; 4] = [Sort::Name, Sort::PriceAsc, Sort::PriceDesc, Sort::Newest];

/// A running service on a database of its own.
struct Service {
    folder: TempDir,
    running: Running,
    client: ProductServiceClient<Channel>,
}

impl Service {
    async fn start() -> Self {
        Self::with(Table::new()).await
    }

    async fn with(more: Table) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let running = start(folder.path(), more).await.expect("starts");
        let client = connect(&running);
        Self { folder, running, client }
    }

    async fn restart(self) -> Self {
        assert!(self.running.stop().await, "drained");
        let running = start(self.folder.path(), Table::new()).await.expect("starts again");
        let client = connect(&running);
        Self { running, client, ..self }
    }

    async fn get(&self, id: &str) -> Result<Product, Status> {
        let response = self.client.clone().get_product(GetProductRequest { id: id.to_owned() }).await?;
        Ok(response.into_inner().product.expect("a product"))
    }

    async fn list(&self, request: ListProductsRequest) -> Result<(Vec<Product>, String), Status> {
        let response = self.client.clone().list_products(request).await?.into_inner();
        Ok((response.products, response.next_page_token))
    }

    async fn create(&self, actor: Actor, product: ProductInput) -> Result<Product, Status> {
        let request = CreateProductRequest { product: Some(product) };
        let response = self.client.clone().create_product(actor.request(request)).await?;
        Ok(response.into_inner().product.expect("a product"))
    }

    async fn update(&self, actor: Actor, product: &Product, change: ProductInput) -> Result<Product, Status> {
        let (id, expected_version) = (product.id.clone(), product.version);
        let request = UpdateProductRequest { id, product: Some(change), expected_version };
        let response = self.client.clone().update_product(actor.request(request)).await?;
        Ok(response.into_inner().product.expect("a product"))
    }

    async fn delete(&self, actor: Actor, id: &str) -> Result<(), Status> {
        let request = DeleteProductRequest { id: id.to_owned() };
        self.client.clone().delete_product(actor.request(request)).await.map(|_| ())
    }

    /// Value of a series as `/metrics` shows it.
    fn metric(&self, series: &str) -> f64 {
        let metrics = Exposition::parse(&self.running.metrics()).expect("metrics");
        metrics.value(series).expect("a series").unwrap_or_else(|| panic!("no {series}"))
    }
}

async fn start(folder: &Path, more: Table) -> Result<Running, StartError> {
    telemetry::install(telemetry::LogFormat::Json, &telemetry::LogOutput::Off).map(drop).expect("telemetry");
    let url = format!("sqlite:{}", folder.join("product.db").display());
    let test = toml::toml! {
        grpc.address = "127.0.0.1:0"
        admin.address = "127.0.0.1:0"
        database.url = url
        runtime.worker_threads = 1
    };
    let layers = Layers::new(SPEC.name, SPEC.defaults)?.table("test", test)?.table("case", more)?;
    chassis::start(&SPEC, &layers, HostOptions::default()).await
}

fn connect(running: &Running) -> ProductServiceClient<Channel> {
    let url = format!("http://{}", running.address("grpc").expect("gRPC"));
    let settings = Settings::new(&url, Duration::from_secs(10)).expect("a URL");
    ProductServiceClient::new(upstream::connect("product", &settings))
}

fn input(sku: &str) -> ProductInput {
    ProductInput {
        sku: sku.to_owned(),
        name: "Kettle with Whistle".to_owned(),
        description: "Tells you when it boils.".to_owned(),
        category: "kitchen".to_owned(),
        price: Some(Money { amount_minor: 2990, currency: "EUR".to_owned() }),
        stock: 5,
    }
}

/// Kind, code and fields of a refusal.
fn refusal<T: std::fmt::Debug>(outcome: Result<T, Status>) -> (Kind, String, Vec<String>) {
    let problem = Problem::from(&outcome.expect_err("refused"));
    let fields = problem.fields.into_iter().map(|field| field.field).collect();
    (problem.kind, problem.code.into_owned(), fields)
}

fn is(kind: Kind, code: &str) -> (Kind, String, Vec<String>) {
    (kind, code.to_owned(), Vec::new())
}

#[tokio::test]
async fn a_product_is_read() {
    let service = Service::start().await;
    let product = service.get(FIRST).await.expect("seeded");
    assert_eq!(product.id, FIRST);
    assert_eq!((product.sku.as_str(), product.category.as_str()), ("KIT-0001", "kitchen"));
    assert_eq!(product.price, Some(Money { amount_minor: 3490, currency: "EUR".to_owned() }));
    assert_eq!((product.version, product.created_at_ms), (1, product.updated_at_ms));
    assert_eq!(service.get(FIRST).await.expect("cached"), product);
    for id in ["", "42", "00000000-0000-7000-8000-999999999999"] {
        assert_eq!(refusal(service.get(id).await), is(Kind::NotFound, "product_not_found"), "{id}");
    }
    assert_eq!(service.metric("product_views_total"), 2.0);
    assert_eq!(service.metric(r#"cache_lookups_total{cache="product",outcome="hit"}"#), 1.0);
    assert_eq!(service.metric(r#"cache_lookups_total{cache="product",outcome="miss"}"#), 2.0);
}

#[tokio::test]
async fn products_are_searched() {
    let service = Service::start().await;
    let (page, next) = service.list(ListProductsRequest::default()).await.expect("a page");
    assert_eq!((page.len(), next.is_empty()), (20, false));
    assert!(page.is_sorted_by_key(|product| product.name.to_lowercase()));
    let request = ListProductsRequest {
        query: "LAMP light".to_owned(),
        category: "home".to_owned(),
        min_price_minor: Some(6400),
        max_price_minor: Some(13_900),
        in_stock: true,
        sort: Sort::PriceDesc.into(),
        page_size: 100,
        page_token: String::new(),
    };
    let (page, next) = service.list(request).await.expect("a page");
    let names: Vec<_> = page.iter().map(|product| product.name.as_str()).collect();
    assert_eq!((names, next.as_str()), (vec!["Floor Lamp, Arc", "Table Lamp, Ceramic"], ""));
    let nothing = ListProductsRequest { query: "unicorn".to_owned(), ..Default::default() };
    assert_eq!(service.list(nothing).await.expect("a page"), (Vec::new(), String::new()));
    assert_eq!(service.metric(r#"product_searches_total{outcome="found"}"#), 2.0);
    assert_eq!(service.metric(r#"product_searches_total{outcome="empty"}"#), 1.0);
}

#[tokio::test]
async fn a_search_that_makes_no_sense_is_refused() {
    let service = Service::start().await;
    let request = ListProductsRequest {
        query: "x".repeat(101),
        category: "NO".to_owned(),
        min_price_minor: Some(2),
        max_price_minor: Some(1),
        sort: 99,
        page_size: 101,
        ..Default::default()
    };
    let (kind, code, fields) = refusal(service.list(request).await);
    assert_eq!((kind, code.as_str()), (Kind::InvalidArgument, "validation_failed"));
    assert_eq!(fields, ["query", "category", "min_price_minor", "sort", "page_size"]);

    let (_, next) = service.list(ListProductsRequest::default()).await.expect("a page");
    let by_price = ListProductsRequest { sort: Sort::PriceAsc.into(), page_token: next, ..Default::default() };
    let junk = ListProductsRequest { page_token: "junk".to_owned(), ..Default::default() };
    for request in [by_price, junk] {
        assert_eq!(refusal(service.list(request).await), is(Kind::InvalidArgument, "invalid_cursor"));
    }
}

#[tokio::test]
async fn paging_shows_each_product_once_while_others_come() {
    let service = Service::start().await;
    let seeded: BTreeSet<_> = (1..=SEEDED).map(|n| format!("00000000-0000-7000-8000-{n:012}")).collect();
    for sort in SORTS {
        let mut request = ListProductsRequest { sort: sort.into(), page_size: 17, ..Default::default() };
        let (mut shown, mut come) = (Vec::new(), 0);
        loop {
            let (page, next) = service.list(request.clone()).await.expect("a page");
            shown.extend(page.into_iter().map(|product| product.id));
            if next.is_empty() {
                break;
            }
            request.page_token = next;
            // By name it lands in the middle, by price at the beginning or the end, by age at the beginning.
            let price = Some(Money { amount_minor: 0, currency: "EUR".to_owned() });
            let product = ProductInput { price, ..input(&format!("NEW-{}-{come}", i32::from(sort))) };
            service.create(ADMIN, product).await.expect("created");
            come += 1;
            assert!(come < SEEDED, "{sort:?} comes to an end");
        }
        let distinct: BTreeSet<_> = shown.iter().cloned().collect();
        assert_eq!(distinct.len(), shown.len(), "{sort:?} shows none twice");
        assert!(distinct.is_superset(&seeded), "{sort:?} leaves none out");
        assert!(come >= SEEDED / 17, "{sort:?} has as many pages as expected");
    }
}

#[tokio::test]
async fn admins_create_products() {
    let service = Service::start().await;
    let created = service.create(ADMIN, input("NEW-1")).await.expect("created");
    assert_eq!((created.version, created.sku.as_str()), (1, "NEW-1"));
    assert_eq!(Uuid::try_parse(&created.id).expect("an id").get_version_num(), 7);
    assert_eq!(service.get(&created.id).await.expect("found"), created);
    service.create(Actor::Service, input("NEW-2")).await.expect("services may, too");

    let taken = service.create(ADMIN, input("NEW-1")).await;
    assert_eq!(refusal(taken), is(Kind::AlreadyExists, "sku_taken"));
    let empty = CreateProductRequest { product: None };
    let (kind, code, fields) = refusal(service.client.clone().create_product(ADMIN.request(empty)).await);
    assert_eq!((kind, code.as_str()), (Kind::InvalidArgument, "validation_failed"));
    assert_eq!(fields, ["sku", "name", "category", "price.currency"]);
}

#[tokio::test]
async fn admins_update_the_version_they_have_read() {
    let service = Service::start().await;
    let old = service.get(FIRST).await.expect("seeded");
    let new = service.update(ADMIN, &old, input("NEW-1")).await.expect("updated");
    assert_eq!((new.version, new.sku.as_str(), new.created_at_ms), (2, "NEW-1", old.created_at_ms));
    assert!(new.updated_at_ms > old.updated_at_ms);
    assert_eq!(service.get(FIRST).await.expect("not from the cache"), new);

    let stale = service.update(ADMIN, &old, input("NEW-2")).await;
    let status = stale.as_ref().expect_err("stale");
    assert!(status.message().contains("current version is 2"), "{status:?}");
    assert_eq!(refusal(stale), is(Kind::Conflict, "version_conflict"));
    let taken = service.update(ADMIN, &new, input("KIT-0002")).await;
    assert_eq!(refusal(taken), is(Kind::AlreadyExists, "sku_taken"));
    for id in ["42", "00000000-0000-7000-8000-999999999999"] {
        let nobody = Product { id: id.to_owned(), version: 1, ..Default::default() };
        let missing = service.update(ADMIN, &nobody, input("NEW-3")).await;
        assert_eq!(refusal(missing), is(Kind::NotFound, "product_not_found"), "{id}");
    }
    let unread = Product { version: 0, ..new };
    let (kind, _, fields) = refusal(service.update(ADMIN, &unread, ProductInput { stock: -1, ..input("NEW-4") }).await);
    assert_eq!((kind, fields), (Kind::InvalidArgument, vec!["stock".to_owned(), "expected_version".to_owned()]));
}

#[tokio::test]
async fn admins_delete_products_for_good() {
    let service = Service::start().await;
    service.get(FIRST).await.expect("seeded");
    service.delete(ADMIN, FIRST).await.expect("deleted");
    for id in [FIRST, "42"] {
        assert_eq!(refusal(service.delete(ADMIN, id).await), is(Kind::NotFound, "product_not_found"));
    }
    assert_eq!(refusal(service.get(FIRST).await), is(Kind::NotFound, "product_not_found"));
    let service = service.restart().await;
    assert_eq!(refusal(service.get(FIRST).await), is(Kind::NotFound, "product_not_found"));
}

#[tokio::test]
async fn nobody_else_writes() {
    let service = Service::start().await;
    let product = service.get(FIRST).await.expect("seeded");
    for (actor, expected) in [
        (USER, is(Kind::PermissionDenied, "permission_denied")),
        (Actor::Anonymous, is(Kind::Unauthenticated, "unauthenticated")),
    ] {
        assert_eq!(refusal(service.create(actor, ProductInput::default()).await), expected);
        assert_eq!(refusal(service.update(actor, &product, input("NEW-1")).await), expected);
        assert_eq!(refusal(service.delete(actor, FIRST).await), expected);
    }
    assert_eq!(service.get(FIRST).await.expect("still there"), product);
}

#[tokio::test]
async fn a_broken_store_is_our_fault_and_tells_no_internals() {
    let service = Service::start().await;
    let path = service.folder.path().join("product.db");
    let mut conn = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.expect("database");
    sqlx::query("DROP TABLE products").execute(&mut conn).await.expect("dropped");
    let status = service.get(FIRST).await.expect_err("broken");
    assert_eq!((status.code(), status.message()), (Code::Internal, "Something went wrong on our side."));
    assert_eq!(refusal::<()>(Err(status)), is(Kind::Internal, "internal"));
    assert_eq!(refusal(service.list(ListProductsRequest::default()).await), is(Kind::Internal, "internal"));
    assert_eq!(refusal(service.create(ADMIN, input("NEW-1")).await), is(Kind::Internal, "internal"));
    assert_eq!(refusal(service.delete(ADMIN, FIRST).await), is(Kind::Internal, "internal"));
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_refused() {
    let service = Service::with(toml::toml! { grpc.max_message_bytes = 4096 }).await;
    let huge = ProductInput { description: "x".repeat(5000), ..input("NEW-1") };
    assert_eq!(service.create(ADMIN, huge).await.expect_err("too large").code(), Code::OutOfRange);
}

#[tokio::test]
async fn a_catalogue_without_seed_is_empty() {
    let service = Service::with(toml::toml! { catalogue.seed = false }).await;
    let page = service.list(ListProductsRequest::default()).await.expect("a page");
    assert_eq!(page, (Vec::new(), String::new()));
}

#[tokio::test]
async fn a_key_that_makes_no_sense_is_named() {
    let folder = tempfile::tempdir().expect("folder");
    let error = start(folder.path(), toml::toml! { cache.ttl_s = 86401 }).await.map(|_| ()).expect_err("refused");
    assert!(error.to_string().contains("`cache.ttl_s`"), "{error}");
}
