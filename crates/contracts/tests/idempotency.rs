//! What may be sent twice: every method is listed here with its reason, so that a new one has to be thought about.

use prost::Message;
use prost_types::FileDescriptorSet;

/// Whether each call may be repeated, and why.
const TABLE: &[(&str, bool, &str)] = &[
    ("auth.v1.AuthService/Register", true, "ends with exactly one account, however often"),
    ("auth.v1.AuthService/Login", false, "each makes a session"),
    ("auth.v1.AuthService/Refresh", false, "a token presented twice revokes its family"),
    ("auth.v1.AuthService/Logout", true, "a session that has ended stays ended"),
    ("auth.v1.AuthService/GetJwks", true, "reads"),
    ("auth.v1.AuthService/DeleteCredentials", true, "what is gone stays gone"),
    ("product.v1.ProductService/GetProduct", true, "reads"),
    ("product.v1.ProductService/ListProducts", true, "reads"),
    ("product.v1.ProductService/CreateProduct", false, "the second would meet the SKU of the first"),
    ("product.v1.ProductService/UpdateProduct", false, "the second would meet the version of the first"),
    ("product.v1.ProductService/DeleteProduct", false, "the second would answer NOT_FOUND"),
    ("user.v1.UserService/CreateUser", true, "the caller chooses the id"),
    ("user.v1.UserService/GetUser", true, "reads"),
    ("user.v1.UserService/ListUsers", true, "reads"),
    ("user.v1.UserService/UpdateUser", true, "sets a value"),
    ("user.v1.UserService/SetRole", true, "sets a value"),
    ("user.v1.UserService/DeleteUser", true, "callers take NOT_FOUND for done"),
];

#[test]
fn every_method_is_decided() {
    let mut listed: Vec<_> = TABLE.iter().map(|row| row.0).collect();
    let mut declared = contracts::methods().to_vec();
    listed.sort_unstable();
    declared.sort_unstable();
    assert_eq!(listed, declared);
    for (method, idempotent, reason) in TABLE {
        assert_eq!(contracts::is_idempotent(&format!("/{method}")), *idempotent, "{method}: {reason}");
    }
}

#[test]
fn nobody_elses_calls_are_idempotent() {
    for path in
        ["", "/", "user.v1.UserService/GetUser", "/user.v1.UserService/GetUser/", "/grpc.health.v1.Health/Check"]
    {
        assert!(!contracts::is_idempotent(path), "{path}");
    }
}

#[test]
fn only_unary_calls_are_idempotent() {
    // A retry sends the request again from memory, and gives the answer up whole.
    for file in FileDescriptorSet::decode(contracts::DESCRIPTORS).expect("descriptors").file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                let streams = method.client_streaming() || method.server_streaming();
                assert!(!(streams && contracts::is_idempotent(&path)), "{path}");
            }
        }
    }
}
