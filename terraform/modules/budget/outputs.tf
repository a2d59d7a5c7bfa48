output "budget_name" {
  description = "Name of the budget, for aws budgets."
  value       = aws_budgets_budget.this.name
}

output "anomaly_monitor_arn" {
  description = "ARN of the monitor that looks for sudden costs."
  value       = aws_ce_anomaly_monitor.this.arn
}
