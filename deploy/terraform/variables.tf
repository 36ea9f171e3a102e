variable "name" {
  description = "Name of everything that is made."
  type        = string
  default     = "steward"
}

variable "image" {
  description = "The container image, in a registry of this account (ECR). By digest, so that a restart never brings another program."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the image by its digest: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/steward@sha256:..."
  }
}

variable "settings" {
  description = "Every setting that is no secret, by its name in docs/CONFIGURATION.md."
  type        = map(string)

  validation {
    condition = alltrue([for name in keys(var.settings) : !can(regex(
      "^(DISCORD_TOKEN|HTTP_TOKEN|DEAD_MAN_URL|OTEL_EXPORTER_OTLP_HEADERS|DATA_DIR|HTTP_BIND|([A-Z0-9_]+_)?L1_(ARCHIVE_)?RPC_URLS)$", name
    ))])
    error_message = "Secrets are filled in Secrets Manager and named in var.secrets; DATA_DIR and HTTP_BIND are set here."
  }

  validation {
    condition     = alltrue([for value in values(var.settings) : !strcontains(value, "\n")])
    error_message = "A setting is one line."
  }
}

variable "secrets" {
  description = "Variables whose values lie in Secrets Manager. Terraform makes the secrets empty and never sees a value."
  type        = set(string)
  default     = ["DISCORD_TOKEN", "L1_RPC_URLS", "HTTP_TOKEN"]

  validation {
    condition     = alltrue([for name in var.secrets : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "A secret is named like its variable: capital letters, digits, underscores."
  }
}

variable "subnet_id" {
  description = "Subnet of the instance: one with a way out (NAT gateway), for Discord and the L1 endpoints."
  type        = string
}

variable "associate_public_ip" {
  description = "Whether the instance gets a public address, for a subnet whose way out is an internet gateway. Nothing is opened inwards."
  type        = bool
  default     = false
}

variable "instance_type" {
  description = "An x86-64 type; steward needs 256 MiB and little of a core."
  type        = string
  default     = "t3.micro"
}

variable "volume_gib" {
  description = "Size of the volume with the state."
  type        = number
  default     = 10
}

variable "snapshots_kept" {
  description = "How many daily snapshots of the volume are kept."
  type        = number
  default     = 14
}

variable "https" {
  description = "A load balancer with TLS before metrics, health and /v1, for a Prometheus elsewhere in the network. Null: nothing listens outside of the instance."
  type = object({
    certificate_arn = string
    subnet_ids      = list(string)
    allowed_cidrs   = list(string)
  })
  default = null
}
