"""Manifests as people write them: what the server makes of them is no drift.

A pass over unchanged manifests that reports a change would do so for ever.
"""

MANIFESTS = """
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {password: hidden, port: "80"}
data: {user: YWRtaW4=}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http, name: http}, {port: 80, protocol: UDP, name: udp}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, creationTimestamp: null}
spec:
  replicas: 0
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, creationTimestamp: null}
    spec:
      containers:
      - name: web
        image: web:1
        ports: [{containerPort: 80, name: http}, {containerPort: 80, protocol: UDP}]
        resources: {limits: {cpu: 1000m, memory: 1024Mi}, requests: {cpu: "0.1"}}
        env: [{name: A, value: ""}, {name: B, value: b}]
        livenessProbe: {httpGet: {path: /, port: 80}}
      volumes: [{name: empty, emptyDir: {}}]
status: {replicas: 7}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 0
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: db, image: db, ports: [{containerPort: 5432}]}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 3 * * *"
  suspend: true
  jobTemplate:
    spec:
      template:
        spec: {restartPolicy: Never, containers: [{name: a, image: a, ports: [{containerPort: 1}]}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  maxReplicas: 3
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  metrics:
  - {type: Resource, resource: {name: memory, target: {type: Utilization, averageUtilization: 80}}}
  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 50%, selector: {matchLabels: {app: web}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
  - host: web.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}, ingress: []}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: reader}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: "1073741824"}}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: limits}
spec: {limits: [{type: Container, default: {cpu: 500m}, defaultRequest: {cpu: "0.05"}}]}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: quota}
spec: {hard: {pods: "10", requests.memory: 1024Mi}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: texts}
data:
  folded: >-
    one
    two
  long: "a very long line that goes on and on, well beyond the eighty columns that an emitter may fold at"
  crlf: "a\\r\\nb"
  number: "0644"
  empty: ""
binaryData: {bytes: AAEC}
"""


async def test_a_second_pass_changes_nothing(flux):
    await flux.publish(files={"all.yaml": MANIFESTS})
    await flux.sources_seen()
    await flux.kustomization()
    app = await flux.ready()
    assert len(flux.inventory(app)) == MANIFESTS.count("---") + 1
    app = await flux.reconcile()
    assert app["status"]["history"][0]["totalReconciliations"] == 2
    applies = [line for line in flux.log() if line["msg"] == "server-side apply completed"]
    assert [set(line["output"].values()) for line in applies] == [{"created"}, {"unchanged"}]


async def test_the_interval_alone_reverts_an_edit(flux, config_map):
    await flux.publish(config_map("a"))
    await flux.kustomization(interval="1s")
    await flux.ready()
    await flux.edit("ConfigMap", "a", {"data": {"k": "edited"}}, "kubectl-edit")
    await flux.until("ConfigMap", "a", lambda obj: obj["data"] == {"k": "v"})
