#!/bin/sh
# Starts Alertmanager with the mail addresses of .env; without MAIL_OPERATOR alerts are only shown.
set -eu
config=${1:-/tmp/alertmanager.yml}
cp "$(dirname "$0")/alertmanager.yml" "$config"
if [ -n "${MAIL_OPERATOR:-}" ] && [ -n "${ALERT_SMARTHOST:-}" ]; then
    cat >>"$config" <<END
    email_configs:
      - to: "$MAIL_OPERATOR"
        from: "$MAIL_FROM"
        smarthost: "$ALERT_SMARTHOST"
        require_tls: ${ALERT_SMTP_TLS:-true}
        send_resolved: true
        headers: {subject: '{{ if eq .Status "firing" }}{{ .CommonLabels.severity }}{{ else }}over{{ end }}: {{ .CommonLabels.alertname }}'}
END
fi
exec alertmanager --config.file="$config" --storage.path=/alertmanager
