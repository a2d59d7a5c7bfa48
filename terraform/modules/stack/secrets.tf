# The secrets the chart's ExternalSecrets and scripts/provision-stores name. Every value is a bare password: whoever reads it
# makes URLs or configuration of it, so that the address of a server can change without a new secret.

locals {
  # What the backup plan selects by.
  backed_up = { backup = "${var.project}-${var.environment}" }

  services  = yamldecode(file("${path.module}/../../../services.yaml")).services
  databases = toset([for name, service in local.services : name if contains(service.stores, "postgres")])
  caches    = toset([for name, service in local.services : name if contains(service.stores, "redis")])
  on_broker = toset([for name, service in local.services : name if can(service.publishes) || can(service.consumes)])

  # AWS makes these up during the apply; no plan and no state has them.
  generated = merge(
    { for service in local.databases : "${service}/database" => "password of ${service}_app at Postgres: ${service} itself" },
    { for service in local.databases : "${service}/database-owner" => "password of ${service}_owner at Postgres: ${service} migrate" },
    { for service in local.on_broker : "${service}/broker" => "password of ${service} at RabbitMQ: ${service} itself" },
    { for service in local.caches : "${service}/redis" => "password of ${service} at Redis: ${service} itself" },
    {
      "postgres/metrics"     = "password of metrics at Postgres: its exporter"
      "redis/metrics"        = "password of metrics at Redis: its exporter"
      "grafana/admin"        = "password of admin at Grafana: people"
      "auth/bootstrap-admin" = "password of the first account, which auth makes when bootstrap.admin_email is set: a person"
    },
  )
  # These come from elsewhere and are empty until then.
  given = {
    "notification/smtp" = "password at the mail server: notification; a person puts it in"
    "broker/operations" = "password of operations at Amazon MQ: scripts/provision-stores, which also makes it instead of the first one"
  }
  secrets = merge(
    { for name, description in local.generated : name => { description = description, generate = true, rotation = lookup(var.secret_rotations, name, 1) } },
    { for name, description in local.given : name => { description = description, generate = false, rotation = 1 } },
  )
}
