# Metrics, health and /v1 by HTTPS, inside the network; HTTP_TOKEN is asked for all the same.

resource "aws_security_group" "balancer" {
  count = local.has_https ? 1 : 0

  name_prefix = "${var.name}-https"
  description = "steward: HTTPS from the networks that may ask"
  vpc_id      = data.aws_subnet.this.vpc_id
  tags        = local.tags

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = contains(var.secrets, "HTTP_TOKEN")
      error_message = "With https, HTTP_TOKEN has to be one of var.secrets: without it /metrics is open and /v1 refused."
    }
  }
}

resource "aws_vpc_security_group_ingress_rule" "https" {
  for_each = toset(local.has_https ? var.https.allowed_cidrs : [])

  security_group_id = aws_security_group.balancer[0].id
  description       = "Whoever scrapes"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "balancer" {
  count = local.has_https ? 1 : 0

  security_group_id            = aws_security_group.balancer[0].id
  description                  = "To steward"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = 9464
  to_port                      = 9464
}

resource "aws_lb" "this" {
  count = local.has_https ? 1 : 0

  name                       = var.name
  internal                   = true
  load_balancer_type         = "application"
  drop_invalid_header_fields = true
  security_groups            = [aws_security_group.balancer[0].id]
  subnets                    = var.https.subnet_ids
  tags                       = local.tags
}

resource "aws_lb_target_group" "this" {
  count = local.has_https ? 1 : 0

  name     = var.name
  port     = 9464
  protocol = "HTTP"
  vpc_id   = data.aws_subnet.this.vpc_id
  tags     = local.tags

  health_check {
    path    = "/healthz"
    matcher = "200"
  }
}

resource "aws_lb_target_group_attachment" "this" {
  count = local.has_https ? 1 : 0

  target_group_arn = aws_lb_target_group.this[0].arn
  target_id        = aws_instance.this.id
  port             = 9464
}

resource "aws_lb_listener" "https" {
  count = local.has_https ? 1 : 0

  load_balancer_arn = aws_lb.this[0].arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.https.certificate_arn
  tags              = local.tags

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this[0].arn
  }
}
