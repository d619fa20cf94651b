"""kustomize-controller: applies what sources hold, built by kustomize, and keeps clusters that way."""
