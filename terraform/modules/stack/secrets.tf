# The secrets the chart's ExternalSecrets name. Generated ones are passwords; the others are URLs that hold a password and the
# address of a server, which whoever makes the users there puts in.

locals {
  # What the backup plan selects by.
  backed_up = { backup = "${var.project}-${var.environment}" }

  databases = ["auth", "user", "product", "notification"]
  secrets = merge(
    { for service in local.databases : "${service}/database" => { description = "database.url of ${service}: its role that reads and writes" } },
    { for service in local.databases : "${service}/database-owner" => { description = "database.url of ${service} migrate: the owner of its tables" } },
    { for service in local.databases : "${service}/broker" => { description = "broker.url of ${service}" } },
    { for service in ["auth", "product", "gateway"] : "${service}/redis" => { description = "redis.url of ${service}" } },
    {
      "postgres/metrics"  = { description = "password of the exporter at Postgres", generate = true }
      "redis/metrics"     = { description = "password of the exporter at Redis", generate = true }
      "grafana/admin"     = { description = "password of Grafana's admin", generate = true }
      "notification/smtp" = { description = "URL of the mail server" }
    },
  )
}
