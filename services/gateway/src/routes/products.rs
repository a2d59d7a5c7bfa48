//! The catalogue, version 1: prices as decimal text.

use axum::extract::State;
use axum::{Extension, Json as Answer};
use chassis::{Actor, Problem};
use contracts::product::v1;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::clients::{Clients, incomplete, upstream};
use crate::docs::{ProblemDocument, timestamp};
use crate::input::{Id, Json, Query, minor_units};

pub(super) fn router() -> OpenApiRouter<Clients> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get_one, replace, remove))
}

/// Order of a list.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
pub(super) enum Sort {
    /// By name.
    #[default]
    #[serde(rename = "name")]
    Name,
    /// Cheapest first.
    #[serde(rename = "price")]
    Price,
    /// Dearest first.
    #[serde(rename = "-price")]
    PriceDescending,
    /// Newest first.
    #[serde(rename = "newest")]
    Newest,
}

impl From<Sort> for i32 {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Name => v1::Sort::Name,
            Sort::Price => v1::Sort::PriceAsc,
            Sort::PriceDescending => v1::Sort::PriceDesc,
            Sort::Newest => v1::Sort::Newest,
        }
        .into()
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
#[derive(Default)]
struct Search {
    /// Words to find in name or description.
    q: String,
    /// Category, such as `kitchen`.
    category: String,
    /// Lowest price, such as `10` or `9.99`.
    min_price: Option<String>,
    /// Highest price.
    max_price: Option<String>,
    /// Only what is in stock.
    in_stock: bool,
    #[param(inline)]
    sort: Sort,
    /// Items a page, 1 to 100; 20 unless given.
    limit: i32,
    /// `next_cursor` of the page before.
    cursor: String,
}

#[derive(Serialize, ToSchema)]
struct Product {
    id: String,
    #[schema(example = "KIT-0042")]
    sku: String,
    name: String,
    description: String,
    #[schema(example = "kitchen")]
    category: String,
    #[schema(example = "12.90")]
    price: String,
    #[schema(example = "EUR")]
    currency: String,
    stock: i32,
    /// To send back when replacing the product.
    version: i64,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
}

#[derive(Serialize, ToSchema)]
struct Products {
    items: Vec<Product>,
    /// For the `cursor` of the next page; null on the last.
    next_cursor: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewProduct {
    #[schema(example = "KIT-9001")]
    sku: String,
    #[schema(example = "Copper kettle")]
    name: String,
    #[schema(example = "Boils a litre in three minutes.")]
    description: String,
    #[schema(example = "kitchen")]
    category: String,
    #[schema(example = "59.90")]
    price: String,
    #[schema(example = "EUR")]
    currency: String,
    #[schema(example = 12)]
    stock: i32,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Replacement {
    sku: String,
    name: String,
    description: String,
    category: String,
    price: String,
    currency: String,
    stock: i32,
    /// The version that was read; another one by now is a conflict.
    version: i64,
}

impl Product {
    fn from_message(product: v1::Product) -> Result<Self, Problem> {
        let price = product.price.ok_or_else(|| incomplete("price"))?;
        Ok(Self {
            id: product.id,
            sku: product.sku,
            name: product.name,
            description: product.description,
            category: product.category,
            price: format!("{}.{:02}", price.amount_minor / 100, price.amount_minor % 100),
            currency: price.currency,
            stock: product.stock,
            version: product.version,
            created_at: timestamp(product.created_at_ms),
            updated_at: timestamp(product.updated_at_ms),
        })
    }

    fn answer(product: Option<v1::Product>) -> Result<Answer<Self>, Problem> {
        Self::from_message(product.ok_or_else(|| incomplete("product"))?).map(Answer)
    }
}

impl NewProduct {
    fn into_message(self) -> Result<v1::ProductInput, Problem> {
        let price = v1::Money { amount_minor: minor_units("price", &self.price)?, currency: self.currency };
        Ok(v1::ProductInput {
            sku: self.sku,
            name: self.name,
            description: self.description,
            category: self.category,
            price: Some(price),
            stock: self.stock,
        })
    }
}

impl Replacement {
    fn into_parts(self) -> (NewProduct, i64) {
        let Self { sku, name, description, category, price, currency, stock, version } = self;
        (NewProduct { sku, name, description, category, price, currency, stock }, version)
    }
}

/// One product as the service has it, for every version of the API.
pub(super) async fn fetch(mut clients: Clients, id: Uuid) -> Result<v1::Product, Problem> {
    let request = Actor::Anonymous.request(v1::GetProductRequest { id: id.to_string() });
    let answer = clients.product.get_product(request).await.map_err(|status| upstream(&status))?;
    answer.into_inner().product.ok_or_else(|| incomplete("product"))
}

/// One page as the service has it, for every version of the API.
pub(super) async fn search(
    mut clients: Clients,
    search: v1::ListProductsRequest,
) -> Result<(Vec<v1::Product>, Option<String>), Problem> {
    let request = Actor::Anonymous.request(search);
    let answer = clients.product.list_products(request).await.map_err(|status| upstream(&status))?.into_inner();
    Ok((answer.products, Some(answer.next_page_token).filter(|cursor| !cursor.is_empty())))
}

/// Search the catalogue
#[utoipa::path(get, path = "/v1/products", tag = "products", params(Search),
    responses(
        (status = 200, description = "One page.", body = Products),
        (status = 400, description = "A parameter is not valid.", body = ProblemDocument),
    ))]
async fn list(State(clients): State<Clients>, Query(query): Query<Search>) -> Result<Answer<Products>, Problem> {
    let amount = |field, text: Option<String>| text.map(|text| minor_units(field, &text)).transpose();
    let request = v1::ListProductsRequest {
        query: query.q,
        category: query.category,
        min_price_minor: amount("min_price", query.min_price)?,
        max_price_minor: amount("max_price", query.max_price)?,
        in_stock: query.in_stock,
        sort: query.sort.into(),
        page_size: query.limit,
        page_token: query.cursor,
    };
    let (products, next_cursor) = search(clients, request).await?;
    let items: Result<_, _> = products.into_iter().map(Product::from_message).collect();
    Ok(Answer(Products { items: items?, next_cursor }))
}

/// One product
#[utoipa::path(get, path = "/v1/products/{id}", tag = "products",
    params(("id" = String, Path, description = "Product id (UUID).")),
    responses(
        (status = 200, description = "The product.", body = Product),
        (status = 400, description = "The id is not a UUID.", body = ProblemDocument),
        (status = 404, description = "There is no such product.", body = ProblemDocument),
    ))]
async fn get_one(State(clients): State<Clients>, Id(id): Id) -> Result<Answer<Product>, Problem> {
    Product::from_message(fetch(clients, id).await?).map(Answer)
}

/// Add a product
#[utoipa::path(post, path = "/v1/products", tag = "admin", security(("bearer" = [])), request_body = NewProduct,
    responses(
        (status = 201, description = "The product.", body = Product),
        (status = 400, description = "Some fields are not valid.", body = ProblemDocument),
        (status = 409, description = "The stock keeping unit exists.", body = ProblemDocument),
    ))]
async fn create(
    State(mut clients): State<Clients>,
    Extension(actor): Extension<Actor>,
    Json(new): Json<NewProduct>,
) -> Result<(StatusCode, Answer<Product>), Problem> {
    let request = actor.request(v1::CreateProductRequest { product: Some(new.into_message()?) });
    let answer = clients.product.create_product(request).await.map_err(|status| upstream(&status))?;
    Ok((StatusCode::CREATED, Product::answer(answer.into_inner().product)?))
}

/// Replace a product
#[utoipa::path(put, path = "/v1/products/{id}", tag = "admin", security(("bearer" = [])), request_body = Replacement,
    params(("id" = String, Path, description = "Product id (UUID).")),
    responses(
        (status = 200, description = "The product after the change.", body = Product),
        (status = 400, description = "Some fields are not valid.", body = ProblemDocument),
        (status = 404, description = "There is no such product.", body = ProblemDocument),
        (status = 409, description = "It has changed meanwhile, or the stock keeping unit exists.", body = ProblemDocument),
    ))]
async fn replace(
    State(mut clients): State<Clients>,
    Extension(actor): Extension<Actor>,
    Id(id): Id,
    Json(replacement): Json<Replacement>,
) -> Result<Answer<Product>, Problem> {
    let (new, expected_version) = replacement.into_parts();
    let product = Some(new.into_message()?);
    let request = actor.request(v1::UpdateProductRequest { id: id.to_string(), product, expected_version });
    let answer = clients.product.update_product(request).await.map_err(|status| upstream(&status))?;
    Product::answer(answer.into_inner().product)
}

/// Remove a product
#[utoipa::path(delete, path = "/v1/products/{id}", tag = "admin", security(("bearer" = [])),
    params(("id" = String, Path, description = "Product id (UUID).")),
    responses(
        (status = 204, description = "The product is gone."),
        (status = 400, description = "The id is not a UUID.", body = ProblemDocument),
        (status = 404, description = "There is no such product.", body = ProblemDocument),
    ))]
async fn remove(
    State(mut clients): State<Clients>,
    Extension(actor): Extension<Actor>,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    let request = actor.request(v1::DeleteProductRequest { id: id.to_string() });
    clients.product.delete_product(request).await.map_err(|status| upstream(&status))?;
    Ok(StatusCode::NO_CONTENT)
}
