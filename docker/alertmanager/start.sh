#!/bin/sh
# Starts Alertmanager with the mail server of .env; without ALERT_SMARTHOST or MAIL_OPERATOR alerts are only shown.
# A server that wants no login is taken for one of this house, without TLS.
set -eu
config=${ALERT_CONFIG:-/tmp/alertmanager.yml}
cp "$(dirname "$0")/alertmanager.yml" "$config"
if [ -n "${MAIL_OPERATOR:-}" ] && [ -n "${ALERT_SMARTHOST:-}" ]; then
    cat >>"$config" <<END
    email_configs:
      - to: "$MAIL_OPERATOR"
        from: "$ALERT_FROM"
        smarthost: "$ALERT_SMARTHOST"
        send_resolved: true
        headers:
          subject: '{{ if eq .Status "firing" }}{{ .CommonLabels.severity }}{{ else }}over{{ end }}: {{ .CommonLabels.alertname }}'
END
    if [ -n "${ALERT_USER:-}" ]; then
        printf '        auth_username: "%s"\n        auth_password_file: /run/secrets/smtp_password\n' "$ALERT_USER" >>"$config"
    else
        printf '        require_tls: false\n' >>"$config"
    fi
fi
exec alertmanager --config.file="$config" --storage.path=/alertmanager --cluster.listen-address=
