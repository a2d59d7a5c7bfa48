//! The catalogue over gRPC: decodes, lets only admins write, calls the use case, encodes.

use chassis::{Actor, to_status};
use contracts::product::v1::product_service_server::ProductService;
use contracts::product::v1::{
    self as proto, CreateProductRequest, CreateProductResponse, DeleteProductRequest, DeleteProductResponse,
    GetProductRequest, GetProductResponse, ListProductsRequest, ListProductsResponse, ProductInput,
    UpdateProductRequest, UpdateProductResponse,
};
use tonic::{Request, Response, Status};

use crate::domain::Catalogue;
use crate::domain::details::Draft;
use crate::domain::product::Product;
use crate::domain::search::{Page, SearchDraft, Sort};

/// `product.v1.ProductService`.
pub(crate) struct Api {
    catalogue: Catalogue,
}

impl Api {
    /// Offers `catalogue` and makes its counters known.
    #[must_use]
    pub(crate) fn new(catalogue: Catalogue) -> Self {
        telemetry::init_to_zero("product_views_total", &[]);
        telemetry::init_to_zero("product_searches_total", &[("outcome", &["found", "empty"])]);
        Self { catalogue }
    }
}

#[tonic::async_trait]
impl ProductService for Api {
    async fn get_product(&self, request: Request<GetProductRequest>) -> Result<Response<GetProductResponse>, Status> {
        let product = self.catalogue.get(&request.get_ref().id).await.map_err(|error| to_status(&error))?;
        telemetry::counter!("product_views_total").increment(1);
        Ok(Response::new(GetProductResponse { product: Some(encode(&product)) }))
    }

    async fn list_products(
        &self,
        request: Request<ListProductsRequest>,
    ) -> Result<Response<ListProductsResponse>, Status> {
        let search = decode_search(request.into_inner());
        let first = search.cursor.is_empty();
        let page = self.catalogue.list(search).await.map_err(|error| to_status(&error))?;
        if first {
            // Turning the page is no new search.
            count_search(&page);
        }
        let products = page.products().iter().map(encode).collect();
        Ok(Response::new(ListProductsResponse { products, next_page_token: page.next_cursor().to_owned() }))
    }

    async fn create_product(
        &self,
        request: Request<CreateProductRequest>,
    ) -> Result<Response<CreateProductResponse>, Status> {
        Actor::of(request.metadata()).require_admin()?;
        let draft = decode(request.into_inner().product);
        let product = self.catalogue.create(draft).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(CreateProductResponse { product: Some(encode(&product)) }))
    }

    async fn update_product(
        &self,
        request: Request<UpdateProductRequest>,
    ) -> Result<Response<UpdateProductResponse>, Status> {
        Actor::of(request.metadata()).require_admin()?;
        let UpdateProductRequest { id, product, expected_version } = request.into_inner();
        let updated = self.catalogue.update(&id, decode(product), expected_version).await;
        let product = updated.map_err(|error| to_status(&error))?;
        Ok(Response::new(UpdateProductResponse { product: Some(encode(&product)) }))
    }

    async fn delete_product(
        &self,
        request: Request<DeleteProductRequest>,
    ) -> Result<Response<DeleteProductResponse>, Status> {
        Actor::of(request.metadata()).require_admin()?;
        self.catalogue.delete(&request.get_ref().id).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(DeleteProductResponse {}))
    }
}

fn count_search(page: &Page) {
    let outcome = if page.products().is_empty() { "empty" } else { "found" };
    telemetry::counter!("product_searches_total", "outcome" => outcome).increment(1);
}

fn decode_search(request: ListProductsRequest) -> SearchDraft {
    let sort = match proto::Sort::try_from(request.sort) {
        Ok(proto::Sort::Unspecified | proto::Sort::Name) => Some(Sort::Name),
        Ok(proto::Sort::PriceAsc) => Some(Sort::PriceAsc),
        Ok(proto::Sort::PriceDesc) => Some(Sort::PriceDesc),
        Ok(proto::Sort::Newest) => Some(Sort::Newest),
        Err(_) => None,
    };
    SearchDraft {
        query: request.query,
        category: request.category,
        min_price: request.min_price_minor,
        max_price: request.max_price_minor,
        in_stock: request.in_stock,
        sort,
        page_size: request.page_size,
        cursor: request.page_token,
    }
}

/// What is missing becomes empty, which the domain refuses wherever it matters.
fn decode(input: Option<ProductInput>) -> Draft {
    let input = input.unwrap_or_default();
    let price = input.price.unwrap_or_default();
    Draft {
        sku: input.sku,
        name: input.name,
        description: input.description,
        category: input.category,
        amount_minor: price.amount_minor,
        currency: price.currency,
        stock: input.stock,
    }
}

fn encode(product: &Product) -> proto::Product {
    let details = product.details();
    let price = details.price();
    proto::Product {
        id: product.id().to_string(),
        sku: details.sku().to_owned(),
        name: details.name().to_owned(),
        description: details.description().to_owned(),
        category: details.category().to_owned(),
        price: Some(proto::Money { amount_minor: price.amount_minor(), currency: price.currency().code().to_owned() }),
        stock: details.stock(),
        version: product.version(),
        created_at_ms: product.created_at().timestamp_millis(),
        updated_at_ms: product.updated_at().timestamp_millis(),
    }
}
