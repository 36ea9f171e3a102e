output "instance_id" {
  description = "Log in with: aws ssm start-session --target ID"
  value       = aws_instance.this.id
}

output "secret_names" {
  description = "Fill each: aws secretsmanager put-secret-value --secret-id NAME --secret-string file://VALUE"
  value       = [for secret in aws_secretsmanager_secret.this : secret.name]
}

output "volume_id" {
  description = "The volume with the state."
  value       = aws_ebs_volume.state.id
}

output "https_name" {
  description = "Where metrics and /v1 answer; point a name of the certificate at it."
  value       = local.has_https ? aws_lb.this[0].dns_name : null
}
