# One instance, one volume, one container. The database needs a disk of one machine: EFS is NFS, and the disk of a Fargate
# task ends with the task, so neither will do.

data "aws_subnet" "this" {
  id = var.subnet_id
}

data "aws_region" "current" {}

data "aws_ssm_parameter" "image" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
}

locals {
  has_https = var.https != null
  tags      = { Name = var.name }
}

# Secrets: made empty; `aws secretsmanager put-secret-value` fills them, and no value gets into Terraform's state.

resource "aws_secretsmanager_secret" "this" {
  for_each = var.secrets

  name        = "${var.name}/${each.key}"
  description = "${each.key} of ${var.name}"
  tags        = local.tags
}

# The account of the instance: reads these secrets, pulls images, lets Session Manager in, and nothing else.

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "secrets" {
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [for secret in aws_secretsmanager_secret.this : secret.arn]
  }
}

resource "aws_iam_role" "this" {
  name_prefix        = var.name
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = local.tags
}

resource "aws_iam_role_policy" "secrets" {
  name_prefix = "secrets"
  role        = aws_iam_role.this.id
  policy      = data.aws_iam_policy_document.secrets.json
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = toset(["AmazonSSMManagedInstanceCore", "AmazonEC2ContainerRegistryReadOnly"])

  role       = aws_iam_role.this.name
  policy_arn = "arn:aws:iam::aws:policy/${each.key}"
}

resource "aws_iam_instance_profile" "this" {
  name_prefix = var.name
  role        = aws_iam_role.this.name
}

# The network: out by HTTPS, in from the load balancer only.

resource "aws_security_group" "this" {
  name_prefix = var.name
  description = "steward: out by HTTPS, in from its load balancer"
  vpc_id      = data.aws_subnet.this.vpc_id
  tags        = local.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.this.id
  description       = "Discord, the L1 endpoints, AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_ingress_rule" "balancer" {
  count = local.has_https ? 1 : 0

  security_group_id            = aws_security_group.this.id
  description                  = "Metrics, health and /v1"
  referenced_security_group_id = aws_security_group.balancer[0].id
  ip_protocol                  = "tcp"
  from_port                    = 9464
  to_port                      = 9464
}

# The state: a volume of its own that outlives the instance.

resource "aws_ebs_volume" "state" {
  availability_zone = data.aws_subnet.this.availability_zone
  size              = var.volume_gib
  type              = "gp3"
  encrypted         = true
  tags              = merge(local.tags, { Backup = var.name })

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_volume_attachment" "state" {
  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.state.id
  instance_id = aws_instance.this.id

  # A volume is never taken from a running database, nor held by two instances.
  stop_instance_before_detaching = true
}

resource "aws_instance" "this" {
  ami                         = data.aws_ssm_parameter.image.value
  instance_type               = var.instance_type
  subnet_id                   = var.subnet_id
  associate_public_ip_address = var.associate_public_ip
  vpc_security_group_ids      = [aws_security_group.this.id]
  iam_instance_profile        = aws_iam_instance_profile.this.name
  ebs_optimized               = true
  tags                        = local.tags

  user_data_replace_on_change = true
  user_data = templatefile("${path.module}/user_data.sh.tftpl", {
    name      = var.name
    image     = var.image
    registry  = split("/", var.image)[0]
    region    = data.aws_region.current.name
    secrets   = sort(var.secrets)
    settings  = var.settings
    volume_id = aws_ebs_volume.state.id
    bind      = local.has_https ? "0.0.0.0" : "127.0.0.1"
  })

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    encrypted   = true
    volume_type = "gp3"
  }

  lifecycle {
    # A new system image is taken when the instance is replaced on purpose, not whenever Amazon publishes one.
    ignore_changes = [ami]
  }
}

# Backup: a snapshot a day. The database survives a power cut, so it survives a snapshot; the nightly exports lie beside it.

data "aws_iam_policy_document" "assume_dlm" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["dlm.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "dlm" {
  name_prefix        = "${var.name}-dlm"
  assume_role_policy = data.aws_iam_policy_document.assume_dlm.json
  tags               = local.tags
}

resource "aws_iam_role_policy_attachment" "dlm" {
  role       = aws_iam_role.dlm.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"
}

resource "aws_dlm_lifecycle_policy" "state" {
  description        = "Daily snapshots of the state of ${var.name}"
  execution_role_arn = aws_iam_role.dlm.arn
  state              = "ENABLED"
  tags               = local.tags

  policy_details {
    resource_types = ["VOLUME"]
    target_tags    = { Backup = var.name }

    schedule {
      name      = "daily"
      copy_tags = true

      create_rule {
        interval      = 24
        interval_unit = "HOURS"
        times         = ["03:00"]
      }

      retain_rule {
        count = var.snapshots_kept
      }
    }
  }
}
